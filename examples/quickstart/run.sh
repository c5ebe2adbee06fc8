#!/usr/bin/env bash
# The main job, end to end: an emulator, `terraform apply` of this folder, writes through TLS, SIGKILL, and every acknowledged key is still there.
# Called by `make run`, which builds the programs and finds terraform. Data is in .memorydb/ at the root of the repository; a second run goes on with it.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
terraform=${TERRAFORM:-terraform}
listen=${MEMORYDB_LISTEN:-127.0.0.1:8480}
api=http://$listen
state=$root/.memorydb
mkdir -p "$state"

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }

running() { [ -f "$state/emulator.pid" ] && kill -0 "$(cat "$state/emulator.pid")" 2>/dev/null && bin/quickstart-check wait --api "$api" --timeout 2s 2>/dev/null; }

start() {
  nohup bin/memorydb-emulator --listen "$listen" --data "$state/data" >>"$state/emulator.log" 2>&1 &
  echo $! >"$state/emulator.pid"
  disown
  if ! bin/quickstart-check wait --api "$api" --timeout 20s; then
    tail -n 5 "$state/emulator.log" >&2
    exit 1
  fi
}

# terraform finds the provider that was just built through an override; nothing is downloaded, so there is nothing to init.
export TF_CLI_CONFIG_FILE=$state/terraformrc TF_DATA_DIR=$state/terraform TF_IN_AUTOMATION=1
cat >"$TF_CLI_CONFIG_FILE" <<RC
provider_installation {
  dev_overrides {
    "openmemorydb/memorydb" = "$root/bin"
  }
  direct {}
}
RC
tf() { "$terraform" -chdir="$root/examples/quickstart" "$@"; }
tf_state=(-state="$state/terraform.tfstate")
export TF_VAR_endpoint=$api

if running; then
  say "the emulator runs already at $api"
else
  say "starting the emulator at $api, data in .memorydb/"
  start
fi

say "$(basename "$terraform") apply: subnet group, parameter group, two users, ACL, cluster trading-sessions"
tf apply -auto-approve -input=false -compact-warnings "${tf_state[@]}"

address=$(tf output "${tf_state[@]}" -raw endpoint)
user=$(tf output "${tf_state[@]}" -raw app_user)
PASSWORD=$(tf output "${tf_state[@]}" -raw app_password)
export PASSWORD
ca=.memorydb/ca.pem
bin/quickstart-check ca --api "$api" --out "$ca"

say "writing to $address as $user"
bin/quickstart-check write --address "$address" --ca "$ca" --user "$user" --ledger "$state/acknowledged"

say "killing the emulator with SIGKILL, and starting it again"
kill -9 "$(cat "$state/emulator.pid")"
while kill -0 "$(cat "$state/emulator.pid")" 2>/dev/null; do :; done
start

say "reading back every key that was ever acknowledged"
bin/quickstart-check verify --address "$address" --ca "$ca" --user "$user" --ledger "$state/acknowledged"

cat <<TEXT

$(say "it works; what to try next")
  redis-cli -c --tls --cacert $ca -h ${address%:*} -p ${address##*:} --user $user --pass '$PASSWORD' --no-auth-warning

  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws --region us-east-1 --endpoint-url $api memorydb describe-clusters --show-shard-details

  TF_CLI_CONFIG_FILE=$TF_CLI_CONFIG_FILE TF_DATA_DIR=$TF_DATA_DIR TF_VAR_endpoint=$api $terraform -chdir=examples/quickstart destroy -state=$state/terraform.tfstate

  kill \$(cat .memorydb/emulator.pid)        # stops the emulator; its data stays in .memorydb/
TEXT

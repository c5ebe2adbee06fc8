#!/usr/bin/env bash
# Prints the path of a terraform or tofu: the one on PATH, else one in the folder given, else builds a pinned OpenTofu there through Go's module proxy (once, several minutes).
set -euo pipefail
bin=${1:?usage: terraform.sh FOLDER}
for name in terraform tofu; do
  if found=$(command -v "$name"); then echo "$found"; exit 0; fi
done
if [ ! -x "$bin/tofu" ]; then
  echo "no terraform or tofu on PATH: building OpenTofu into $bin (several minutes, once)" >&2
  mkdir -p "$bin"
  here=$(cd "$(dirname "$0")" && pwd)
  (cd "$here/tofu" && go build -trimpath -ldflags "-s -w -X github.com/opentofu/opentofu/version.dev=no" -o "$bin/tofu" github.com/opentofu/opentofu/cmd/tofu)
fi
echo "$bin/tofu"

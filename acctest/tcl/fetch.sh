#!/usr/bin/env bash
# Puts the sources of redis 7.0.15 into the folder given, from Debian's source package, for the test suite in it. Nothing of it is part of this repository.
set -euo pipefail
dir=${1:?usage: fetch.sh FOLDER}
if [ -f "$dir/tests/test_helper.tcl" ]; then exit 0; fi
command -v tclsh >/dev/null || (apt-get update -qq && apt-get install -y -qq tcl)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial"
# Only sources of the release that redis 7.0.15 is in, wherever this machine gets its packages from.
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
  sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/source.sources"
  list=$work/source.sources
else
  sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$work/source.list"
  list=$work/source.list
fi
apt() { apt-get -qq -o Dir::Etc::sourcelist="$list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$work/lists" -o Dir::Cache="$work" -o APT::Sandbox::User=root "$@"; }
cd "$work"
apt update
apt source --download-only redis
mkdir -p "$dir"
tar -xzf "$work"/redis_7.0.15.orig.tar.gz --strip-components=1 -C "$dir"

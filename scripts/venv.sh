#!/bin/sh
# Creates the virtual environment $1 with Python 3.11 or newer. Debian ships Python without ensurepip: there the
# package python3-venv is installed when we may, and named when we may not.
set -eu
dir=$1
[ -x "$dir/bin/python" ] && exit 0
for python in ${PYTHON:-} python3.11 python3 python3.12 python3.13 python3.14; do
  command -v "$python" >/dev/null 2>&1 || continue
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
  "$python" -m venv "$dir" >/dev/null 2>&1 && exit 0
  rm -rf "$dir"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    "$python" -m venv "$dir" && exit 0
    rm -rf "$dir"
  fi
  echo "$python cannot create a virtual environment; install the module first: apt-get install python3-venv" >&2
  exit 1
done
echo "no Python 3.11 or newer found; set PYTHON=/path/to/python3.11" >&2
exit 1

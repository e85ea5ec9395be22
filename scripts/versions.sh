#!/bin/sh
# Tries the built wheel on every Python that is here: installed with its pinned requirements into an environment of its own,
# taken from nothing to an answer, and checked by the tests of the core and of the command line.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m hatchling build -t wheel --directory "$work/dist" >/dev/null
for version in ${VERSIONS:-3.11 3.12 3.13 3.14}; do
  python=$(command -v "python$version" || true)
  if [ -z "$python" ] || ! "$python" -c pass 2>/dev/null; then
    echo "Python $version: not here"
    continue
  fi
  env="$work/$version"
  "$python" -m venv "$env"
  "$env/bin/python" -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements/dev.txt
  "$env/bin/python" -m pip --quiet --disable-pip-version-check install --no-deps "$work"/dist/*.whl
  mkdir "$work/$version-project" "$work/$version-tests"
  (cd "$work/$version-project" && "$env/bin/tunectl" init -y >/dev/null &&
    TUNECTL_EMULATOR_TRAIN_SECONDS=0 "$env/bin/tunectl" apply -y -q && "$env/bin/tunectl" generate number-generator 41)
  cp -r tests pyproject.toml schemas scripts docs manifests tunectl.yaml README.md "$work/$version-tests"
  (cd "$work/$version-tests" && "$env/bin/python" -P -m pytest -q -p no:cacheprovider ${TESTS:-tests/core tests/manifest tests/cli})
  echo "Python $version: passed"
done

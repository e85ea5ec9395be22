#!/bin/sh
# Resolves every dependency group into a hashed requirements file that names no package index.
set -eu
uv=$1
compile() { "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header "$@"; }
compile pyproject.toml -o requirements/runtime.txt
compile pyproject.toml --extra bucket -c requirements/runtime.txt -o requirements/bucket.txt
compile pyproject.toml --group dev -o requirements/dev.txt
compile --no-strip-extras requirements/google-ai.in -o requirements/google-ai.txt
compile --no-strip-extras requirements/google-generativeai.in -o requirements/google-generativeai.txt
compile --no-strip-extras requirements/google-cloud.in -o requirements/google-cloud.txt
compile requirements/octodns.in -o requirements/octodns.txt
printf 'hatchling>=1.27\n' | compile - -c requirements/dev.txt -o requirements/build.txt

#!/bin/sh
# From two manifests to tuned models that answer, on the embedded emulator: no account, no network, nothing to pay.
# $1 is the tunectl to run. Everything it makes lies in .tunectl/ of this repository; nothing else is touched.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
tunectl=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$root"

# What points tunectl elsewhere is left out: the demo speaks to the embedded emulator and to nothing else.
unset TUNECTL_ENDPOINT TUNECTL_PROJECT TUNECTL_LOCKFILE TUNECTL_CONFIG TUNECTL_ACCESS_TOKEN TUNECTL_API_KEY \
  TUNECTL_API_VERSION TUNECTL_POLL_INTERVAL GOOGLE_CLOUD_PROJECT GOOGLE_CLOUD_QUOTA_PROJECT
export TUNECTL_EMULATOR_TRAIN_SECONDS="${TUNECTL_EMULATOR_TRAIN_SECONDS:-6}"

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi

say() { printf '\n%s# %s%s\n' "$dim" "$1" "$plain"; }

# Shows a command as one would type it, and runs it.
run() {
  line=tunectl
  for word; do
    case $word in *[!A-Za-z0-9_.=/-]*) line="$line \"$word\"" ;; *) line="$line $word" ;; esac
  done
  printf '%s$ %s%s\n' "$bold" "$line" "$plain"
  "$tunectl" "$@"
}

if [ -e .tunectl/demo.lock ]; then
  say 'An earlier run left its models in .tunectl/, so there is little to do now. From the start: rm -r .tunectl'
fi

say 'What do the manifests ask for, and what would it buy?'
run plan
say 'Make it so. The trainings are simulated; with a real service this takes minutes to hours.'
run apply -y
say 'Ask the tuned model. It has learned from fifteen examples what comes next; this one was not among them.'
run generate number-generator 1,999
say 'Nothing has changed since, so there is nothing to do.'
run plan
say "Now change something in manifests/ and plan again, or begin a project of your own: $1 init DIR"

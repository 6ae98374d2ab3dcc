#!/bin/sh
# From a known-bad model file to a good one, with a correction policy in between. Each step says which exit code it must
# have; the script ends at the first that has another.
#
#   usage: migration.sh BAD.gguf ORIGINAL [PROMPT]
#
# ORIGINAL is the folder of the Hugging Face model that the bad file was made from. BITNET names the tool (default:
# bitnet), FOLDER where files are left (default: a temporary one).
set -u
bad=$1
original=$2
prompt=${3:-What is the capital of France?}
tool=${BITNET:-bitnet}
folder=${FOLDER:-$(mktemp -d)}
mkdir -p "$folder"
cd "$folder" || exit 1
unset CI BITNET_GGUF BITNET_CORRECTION_POLICY BITNET_ALLOW_RUNTIME_CORRECTIONS
rm -f fix.yaml corrected.json good.json regenerated.gguf

step() { # step EXPECTED COMMAND...
  expected=$1
  shift
  printf '\n$ bitnet'
  printf ' %s' "$@"
  printf '\n'
  "$tool" "$@"
  found=$?
  printf '[exit code %d]\n' "$found"
  if [ "$found" -ne "$expected" ]; then
    printf 'expected %d\n' "$expected" >&2
    exit 1
  fi
}

echo "1. The file is found to be bad, and a policy is written that repairs it for now."
step 8 inspect --ln-stats --generate-policy fix.yaml "$bad"
step 0 validate-policy --policy fix.yaml --model "$bad"

echo
echo "2. Nothing is corrected by accident."
step 13 run -m "$bad" --correction-policy fix.yaml -p "$prompt"
step 13 run -m "$bad" --allow-corrections -p "$prompt"
step 13 run -m "$bad" --strict --correction-policy fix.yaml --allow-corrections -p "$prompt"

echo
echo "3. With both switches the run is correct, and on the record."
step 0 run -m "$bad" --correction-policy fix.yaml --allow-corrections -n 48 -p "$prompt" --receipt corrected.json
step 14 verify-receipt corrected.json
step 0 verify-receipt corrected.json --allow-corrections
step 0 verify-receipt corrected.json --allow-corrections --replay --model "$bad"

echo
echo "4. The file is regenerated, and the policy retires."
step 0 convert "$original" regenerated.gguf
step 3 convert "$original" regenerated.gguf # not over a file that is there
step 0 inspect --ln-stats regenerated.gguf
step 0 run -m regenerated.gguf --strict -n 48 -p "$prompt" --receipt good.json
step 0 verify-receipt good.json --replay --model regenerated.gguf
step 0 compare-outputs corrected.json good.json
step 12 validate-policy --policy fix.yaml --model regenerated.gguf

echo
echo "done: the policy matches nothing any more; delete fix.yaml"

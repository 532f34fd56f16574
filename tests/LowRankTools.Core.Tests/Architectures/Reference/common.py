"""What every reference network shares: weight files, the surgery that puts pairs in place of layers, and the two commands.

make FOLDER             writes the inputs, and model folders with the same weights, FOLDER/safetensors and FOLDER/pt
run FOLDER WEIGHTS...   runs the network with each weight file, dense or factorized, on the inputs, and writes what
                        comes out as output-0.st, output-1.st, ... into FOLDER
grams FOLDER WEIGHTS OUTPUT MODULE   collects calibration with the collect_grams.py in the folder MODULE

A network file, put behind this one, defines CONFIG (a dict), build() -> module, inputs() -> dict of tensors,
forward(module, inputs) -> dict of named outputs, and TIED, a dict of names of tied tensors. It may define configure(fields), which
is given the config.json beside the weights that are run.
"""
import json
import math
import os
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

NAMES = {torch.float32: "F32", torch.int64: "I64"}
TYPES = {v: k for k, v in NAMES.items()}


def save_safetensors(path, tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def load_weights(path):
    """A state dict from either format; safetensors' tied names come from its metadata."""
    if not path.endswith((".safetensors", ".st")):
        return torch.load(path)
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    state = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(bytearray(data[8 + length + begin:8 + length + end]), dtype=TYPES[entry["dtype"]])
        state[name] = values.view(entry["shape"])
    for alias, kept in metadata.items():
        if kept in state:
            state[alias] = state[kept]
    return state


class Conv1D(nn.Module):
    """GPT-2's linear map: its weight is (in, out)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.02)
        self.bias = nn.Parameter(torch.randn(outputs) * 0.02)

    def forward(self, x):
        return x @ self.weight + self.bias


def put_pairs(module, state, prefix=""):
    """Puts Sequential(first, second) where the weights hold a pair instead of a layer."""
    for name, child in module.named_children():
        path = prefix + name
        first, second = state.get(path + ".0.weight"), state.get(path + ".1.weight")
        if path + ".weight" in state or first is None or second is None or not isinstance(child, (nn.Linear, nn.Embedding, Conv1D)):
            put_pairs(child, state, path + ".")
        elif isinstance(child, nn.Embedding):
            setattr(module, name, nn.Sequential(nn.Embedding(*first.shape), nn.Linear(second.shape[1], second.shape[0], bias=False)))
        else:
            rank, width = first.shape
            setattr(module, name, nn.Sequential(
                nn.Linear(width, rank, bias=path + ".0.bias" in state),
                nn.Linear(rank, second.shape[0], bias=path + ".1.bias" in state)))


def randomize(module):
    """Weights with no symmetry to hide a mistake behind: norms are not one, biases not zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() < 2:
                parameter.mul_(0.0).add_(noise * 0.2 + (1.0 if getattr(parameter, "is_scale", False) else 0.0))
            else:
                parameter.copy_(noise * (1.2 / math.sqrt(parameter.shape[-1])))


def make(folder):
    torch.manual_seed(0)
    module = build()
    for child in module.modules():
        if isinstance(child, nn.LayerNorm) or type(child).__name__ == "RMSNorm":
            child.weight.is_scale = True
    randomize(module)
    state = module.state_dict()
    for form in ("safetensors", "pt"):
        os.makedirs(os.path.join(folder, form))
        json.dump(CONFIG, open(os.path.join(folder, form, "config.json"), "w"), indent=1)
    torch.save(state, os.path.join(folder, "pt", "pytorch_model.bin"))
    kept = {k: v for k, v in state.items() if k not in TIED}
    save_safetensors(os.path.join(folder, "safetensors", "model.safetensors"), kept, {"format": "pt", **TIED})
    save_safetensors(os.path.join(folder, "inputs.st"), inputs())


def run(folder, files):
    given = load_weights(os.path.join(folder, "inputs.st"))
    for i, path in enumerate(files):
        state = load_weights(path)
        if "configure" in globals():
            configure(json.load(open(os.path.join(os.path.dirname(path), "config.json"))))
        module = build()
        put_pairs(module, state)
        missing, unexpected = module.load_state_dict(state, strict=False)
        assert not [m for m in missing if m not in TIED], missing
        assert not unexpected, unexpected
        module.eval()
        with torch.no_grad():
            save_safetensors(os.path.join(folder, "output-%d.st" % i), forward(module, given))


def grams(folder, weights, output, where):
    sys.path.insert(0, where)
    from collect_grams import GramCollector
    module = build()
    module.load_state_dict(load_weights(weights))
    collector = GramCollector(module)
    with collector, torch.no_grad():
        forward(module, load_weights(os.path.join(folder, "inputs.st")))
    collector.save(output)


def main():
    if sys.argv[1] == "grams":
        grams(*sys.argv[2:])
    elif sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        run(sys.argv[2], sys.argv[3:])

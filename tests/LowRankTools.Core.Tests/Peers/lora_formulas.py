"""LoRA's, DoRA's and loralib's formulas in PyTorch, on files that the tests wrote, and files for them.

Arguments: 'read' or 'write', a folder. 'read' prints the largest difference, as a share of the largest output, between what the tests
computed and the formulas; 'write' makes a base model, an adapter of PEFT, inputs, and the outputs to expect.
"""
import json
import math
import os
import struct
import sys

import numpy
import torch


def load(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    return {
        name: torch.from_numpy(numpy.frombuffer(data[entry["data_offsets"][0]:entry["data_offsets"][1]], "<f4").copy().reshape(entry["shape"])).double()
        for name, entry in header.items() if name != "__metadata__"
    }


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        values = tensor.numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def linear(x, w, bias, a, b, m, scale):
    if m is None:
        y = x @ w.T + scale * (x @ a.T) @ b.T
    else:
        v = w + scale * b @ a
        y = x @ (m / v.norm(dim=1) * v.T)
    return y if bias is None else y + bias


def forward(x, base, adapter, scale):
    prefix = "base_model.model."
    for layer in ("0", "2"):
        a, b = (adapter[f"{prefix}{layer}.lora_{k}.weight"] for k in "AB")
        m = adapter.get(f"{prefix}{layer}.lora_magnitude_vector")
        x = linear(x, base[layer + ".weight"], base.get(layer + ".bias"), a, b, m, scale)
        if layer == "0":
            x = torch.nn.functional.gelu(x, approximate="tanh")
    return x


def scale_of(config):
    return config["lora_alpha"] / (math.sqrt(config["r"]) if config["use_rslora"] else config["r"])


def read(folder):
    worst = 0.0
    for name in sorted(os.listdir(folder)):
        case = os.path.join(folder, name)
        if name.startswith("peft"):
            with open(os.path.join(case, "adapter_config.json")) as file:
                config = json.load(file)
            both, adapter = load(os.path.join(case, "case.safetensors")), load(os.path.join(case, "adapter_model.safetensors"))
            y = forward(both["x"], both, adapter, scale_of(config))
        else:
            both, adapter = load(os.path.join(case, "case.safetensors")), load(os.path.join(case, "adapter.safetensors"))
            scale, kind = float(both["scale"][0]), name.split("-")[1]
            y = {"merged": merged, "embedding": embedding, "convolution": convolution}[kind](both, adapter, scale)
        worst = max(worst, float((y - both["y"].reshape(y.shape)).abs().max() / y.abs().max()))
    print(worst)


def merged(both, adapter, scale):
    # loralib's MergedLinear: three groups, of which the first and the last have a pair.
    a, b, w = adapter["0.lora_A"], adapter["0.lora_B"], both["w"]
    rank, width = b.shape[1], w.shape[0] // 3
    delta = torch.zeros_like(w)
    for pair, group in enumerate((0, 2)):
        delta[group * width:(group + 1) * width] = b[pair * width:(pair + 1) * width] @ a[pair * rank:(pair + 1) * rank]
    return both["x"] @ (w + scale * delta).T


def embedding(both, adapter, scale):
    rows = both["x"].long().flatten()
    return both["w"][rows] + scale * adapter["0.lora_A"].T[rows] @ adapter["0.lora_B"].T


def convolution(both, adapter, scale):
    w = both["w"]
    kernel = w + scale * (adapter["0.lora_B"] @ adapter["0.lora_A"]).reshape(w.shape)
    # One image; the tests have rows of pixels x channels.
    image = both["x"].reshape(5, 5, -1).permute(2, 0, 1)[None]
    return torch.nn.functional.conv2d(image, kernel, padding=1)[0].permute(1, 2, 0).reshape(25, -1)


def write(folder):
    torch.manual_seed(5)
    base = {"0.weight": torch.randn(12, 8), "0.bias": torch.randn(12), "2.weight": torch.randn(6, 12)}
    for name, stabilized, dora in (("plain", False, False), ("stabilized", True, False), ("dora", False, True)):
        case = os.path.join(folder, name)
        os.makedirs(case)
        config = {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "use_rslora": stabilized, "use_dora": dora, "target_modules": ["0", "2"]}
        adapter = {}
        for layer in ("0", "2"):
            outputs, inputs = base[layer + ".weight"].shape
            adapter[f"base_model.model.{layer}.lora_A.weight"] = torch.randn(2, inputs)
            adapter[f"base_model.model.{layer}.lora_B.weight"] = torch.randn(outputs, 2)
            if dora:
                adapter[f"base_model.model.{layer}.lora_magnitude_vector"] = torch.rand(outputs) + 0.5
        x = torch.randn(6, 8)
        double = {k: v.double() for k, v in base.items()}, {k: v.double() for k, v in adapter.items()}
        y = forward(x.double(), *double, scale_of(config))
        save(os.path.join(case, "adapter_model.safetensors"), adapter)
        save(os.path.join(case, "case.safetensors"), {**base, "x": x, "y": y.float()})
        with open(os.path.join(case, "adapter_config.json"), "w") as file:
            json.dump(config, file)


{"read": read, "write": write}[sys.argv[1]](sys.argv[2])

"""Universal Sentence Encoder lite in PyTorch, from the weights of its TensorFlow.js model.json. A safetensors file may hold
pairs (X.0.weight, X.1.weight) that stand for some of its matrices X."""
import json
import os
import struct

import numpy as np
import torch
from torch import nn

TYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I32": np.int32, "I64": np.int64, "float32": np.float32, "int32": np.int32}
A = "module_apply_default/Encoder_en/KonaTransformer/Encode/"
S = A + "TransformerStack/"
M = "module/Encoder_en/KonaTransformer/Encode/"


def matrix_names():
    """From the names of this module's linear layers to those of the tensors in the file."""
    names = {"residual": A + "Layer_0/TransformerLayer/dense/kernel/ConcatPartitions/concat", "last": "module/Encoder_en/hidden_layers/tanh_layer_0/weights"}
    for i in (0, 1):
        names[f"layers.{i}.qkv"] = f"{M}Layer_{i}/TransformerLayer/MultiheadAttention/qkv_transform_single/kernel/part_0"
        names[f"layers.{i}.out"] = f"{M}Layer_{i}/TransformerLayer/MultiheadAttention/output_transform_single/kernel/part_0"
        names[f"layers.{i}.up"] = f"{S}Layer_{i}/TransformerLayer/FFN/conv1/Tensordot/Reshape_1"
        names[f"layers.{i}.down"] = f"{S}Layer_{i}/TransformerLayer/FFN/conv2/Tensordot/Reshape_1"
    return names


def read(path):
    """Every tensor of a model.json or safetensors file."""
    if path.endswith(".json"):
        groups = json.load(open(path))["weightsManifest"]
        data = b"".join(open(os.path.join(os.path.dirname(path), p), "rb").read() for g in groups for p in g["paths"])
        weights = [w for g in groups for w in g["weights"]]
        return _cut(data, [(w["name"], TYPES[w["dtype"]], w["shape"]) for w in weights])
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    entries = sorted(header.items(), key=lambda e: e[1]["data_offsets"][0])
    return _cut(data[8 + length:], [(n, TYPES[e["dtype"]], e["shape"]) for n, e in entries])


def _cut(data, entries):
    tensors, at = {}, 0
    for name, dtype, shape in entries:
        count = int(np.prod(shape, dtype=np.int64))
        tensors[name] = torch.from_numpy(np.frombuffer(data, dtype, count, at).reshape(shape).copy())
        at += count * np.dtype(dtype).itemsize
    return tensors


class Block(nn.Module):
    def __init__(self, t, i, linear):
        super().__init__()
        base = f"{A}Layer_{i}/TransformerLayer/"
        self.norm1 = _norm(t, base + "layer_prepostprocess/")
        self.norm2 = _norm(t, base + "FFN/layer_prepostprocess/")
        self.qkv = linear(f"layers.{i}.qkv", base + "MultiheadAttention/qkv_transform_single/bias/ConcatPartitions/concat")
        self.out = linear(f"layers.{i}.out", base + "MultiheadAttention/output_transform_single/bias/ConcatPartitions/concat")
        self.up = linear(f"layers.{i}.up", base + "FFN/conv1/bias/ConcatPartitions/concat")
        self.down = linear(f"layers.{i}.down", base + "FFN/conv2/bias/ConcatPartitions/concat")
        self.scale = float(t[f"{S}Layer_{i}/TransformerLayer/MultiheadAttention/mul/y"])
        self.heads = round(self.norm1.normalized_shape[0] * self.scale ** 2)

    def forward(self, x, residual, mask):
        n, l, _ = x.shape
        q, k, v = (p.reshape(n, l, self.heads, -1).transpose(1, 2) for p in self.qkv(self.norm1(x)).chunk(3, -1))
        scores = (q * self.scale) @ k.transpose(2, 3) - 1e9 * (~mask)[:, None, None, :]
        x = self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, l, -1)) + residual
        return x + self.down(torch.relu(self.up(self.norm2(x)))) * mask[:, :, None]


class Encoder(nn.Module):
    """Token ids (sentences x tokens) and their mask in, unit embeddings (sentences x 512) out."""

    def __init__(self, path, pairs=None):
        super().__init__()
        t = {**read(path), **(read(pairs) if pairs else {})}
        names = matrix_names()

        def linear(name, bias):
            tensor = names[name]
            factors = [tensor + ".0.weight", tensor + ".1.weight"]
            if factors[0] in t:
                return nn.Sequential(_linear(t[factors[0]], None), _linear(t[factors[1]], t[bias]))
            return _linear(t[tensor].reshape(t[tensor].shape[-2:]).T, t[bias])

        self.table = nn.Embedding.from_pretrained(t["module/Embeddings_en"], freeze=True)
        self.register_buffer("frequencies", t[f"{S}Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1"])
        self.residual = linear("residual", A + "Layer_0/TransformerLayer/dense/bias/ConcatPartitions/concat")
        self.layers = nn.ModuleList([Block(t, i, linear) for i in (0, 1)])
        self.last = linear("last", "module/Encoder_en/hidden_layers/tanh_layer_0/bias")

    def forward(self, ids, mask):
        x = self.table(ids) * mask[:, :, None]
        angles = torch.arange(ids.shape[1], dtype=torch.float32)[:, None] * self.frequencies
        x = x + (x + torch.cat([angles.sin(), angles.cos()], 1)) * mask[:, :, None]
        x = self.layers[0](x, self.residual(x), mask)
        x = self.layers[1](x, x, mask)
        mean = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return nn.functional.normalize(torch.tanh(self.last(mean)), dim=1)


def _norm(t, base):
    scale = t[base + "layer_norm/layer_norm_scale/ConcatPartitions/concat"]
    norm = nn.LayerNorm(scale.shape[0], eps=1e-6)
    norm.load_state_dict({"weight": scale, "bias": t[base + "layer_norm/layer_norm_bias/ConcatPartitions/concat"]})
    return norm


def _linear(weight, bias):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.load_state_dict({"weight": weight.float(), **({"bias": bias.float()} if bias is not None else {})})
    return layer


def batches(tokens, size=32):
    """Padded batches of token lists, at most 128 tokens each: (ids, mask)."""
    for first in range(0, len(tokens), size):
        part = [s[:128] for s in tokens[first:first + size]]
        ids = torch.zeros(len(part), max(map(len, part)), dtype=torch.long)
        mask = torch.zeros_like(ids, dtype=torch.bool)
        for row, sentence in enumerate(part):
            ids[row, :len(sentence)] = torch.tensor(sentence)
            mask[row, :len(sentence)] = True
        yield ids, mask


def embed(model, tokens):
    with torch.no_grad():
        return torch.cat([model(ids, mask) for ids, mask in batches(tokens)])

"""The seed notebook's surgery, on models small enough for a test.

make DENSE KIND            writes the state dict of a fresh model
check SMALL MERGED KIND    loads SMALL into the surgically changed model with strict=True, MERGED into the dense one,
                           and prints the relative difference of their outputs
"""
import json
import struct
import sys

import torch
from torch import nn

RANK = 8


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.Linear(width, width)

    def forward(self, x):
        weights = torch.softmax(self.to_q(x) @ self.to_k(x).transpose(-1, -2), -1)
        return self.to_out(weights @ self.to_v(x))


class Transformer(nn.Module):
    """Two sides with one tied token embedding, as the notebook's encoder-decoder."""

    def __init__(self, width=48, tokens=30):
        super().__init__()
        self.encoder_emb = nn.Embedding(tokens, width)
        self.decoder_emb = self.encoder_emb
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width)
        self.net = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.logits = nn.Linear(width, tokens)

    def forward(self, ids):
        x = self.encoder_emb(ids) + self.decoder_emb(ids)
        x = x + self.attention(self.norm(x))
        return self.logits(x + self.net(x))


def make_model(kind):
    torch.manual_seed(0)
    if kind == "simple":
        return nn.Sequential(nn.Linear(96, 64), nn.Linear(64, 40)), torch.randn(5, 96)
    return Transformer(), torch.arange(20).view(2, 10)


def factorize(model, rank):
    for name, child in model.named_children():
        if isinstance(child, nn.Linear):
            setattr(model, name, nn.Sequential(nn.Linear(child.in_features, rank), nn.Linear(rank, child.out_features)))
        else:
            factorize(child, rank)


def load(path):
    """A state dict from either format; safetensors' tied names come from its metadata."""
    if not path.endswith(".safetensors"):
        return torch.load(path)
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    state = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(bytearray(data[8 + length + begin:8 + length + end]), dtype=torch.float32)
        state[name] = values.view(entry["shape"])
    for alias, kept in metadata.items():
        if kept in state:
            state[alias] = state[kept]
    return state


def main():
    if sys.argv[1] == "make":
        model, _ = make_model(sys.argv[3])
        torch.save(model.state_dict(), sys.argv[2])
        return
    small, inputs = make_model(sys.argv[4])
    dense, _ = make_model(sys.argv[4])
    factorize(small, RANK)
    small.load_state_dict(load(sys.argv[2]), strict=True)
    dense.load_state_dict(load(sys.argv[3]), strict=True)
    with torch.no_grad():
        a, b = small(inputs), dense(inputs)
    print(((a - b).norm() / b.norm()).item(), sum(p.numel() for p in small.parameters()))


main()

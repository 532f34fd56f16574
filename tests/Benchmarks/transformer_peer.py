"""The seed notebook's encoder-decoder in PyTorch, as x-transformers of January 2022 computes it, dense and at rank 64.

Reads tasks, one a line: "forward dense|low LENGTH" or "train dense|low LENGTH"; answers with the seconds of one run.
"""
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, TOKENS, LENGTH, DEPTH, RANK = 512, 8, 256, 1024, 6, 64


class Attention(nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.causal = causal
        self.to_q, self.to_k, self.to_v = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.to_out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x, context):
        b, n, _ = x.shape
        q, k, v = (f(t).view(b, t.shape[1], HEADS, -1).transpose(1, 2) for f, t in ((self.to_q, x), (self.to_k, context), (self.to_v, context)))
        scores = q @ k.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        if self.causal:
            scores = scores.masked_fill(torch.ones(n, n, dtype=torch.bool).triu(1), float("-inf"))
        return self.to_out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, -1))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU()), nn.Identity(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x, context):
        return self.net(x)


class Side(nn.Module):
    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder
        self.token_emb, self.pos_emb = nn.Embedding(TOKENS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        kinds = (lambda: Attention(True), lambda: Attention(False), FeedForward) if decoder else (lambda: Attention(False), FeedForward)
        self.layers = nn.ModuleList([nn.ModuleList([nn.LayerNorm(WIDTH), kinds[i % len(kinds)]()]) for i in range(DEPTH * len(kinds))])
        self.norm = nn.LayerNorm(WIDTH)
        self.to_logits = nn.Linear(WIDTH, TOKENS)

    def forward(self, ids, context=None):
        x = self.token_emb(ids) + self.pos_emb(torch.arange(ids.shape[1])) * WIDTH ** -0.5
        for i, (norm, sublayer) in enumerate(self.layers):
            y = norm(x)
            x = x + sublayer(y, context if self.decoder and i % 3 == 1 else y)
        return self.norm(x)


class Seed(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Side(False), Side(True)
        self.decoder.token_emb = self.encoder.token_emb

    def forward(self, source, target):
        return self.decoder.to_logits(self.decoder(target, self.encoder(source)))


def factorize(module):
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, nn.Sequential(nn.Linear(child.in_features, RANK), nn.Linear(RANK, child.out_features)))
        else:
            factorize(child)


torch.manual_seed(0)
models = {"dense": Seed(), "low": Seed()}
factorize(models["low"])
counts = [sum(p.numel() for p in m.parameters()) for m in models.values()]
assert counts == [45555200, 10035840], counts
for line in sys.stdin:
    task, kind, length = line.split()
    model, ids = models[kind], torch.randint(0, TOKENS, (1, int(length)))
    start = time.perf_counter()
    if task == "forward":
        with torch.no_grad():
            model(ids, ids)
    else:
        F.cross_entropy(model(ids, ids).transpose(1, 2), ids).backward()
    elapsed = time.perf_counter() - start
    model.zero_grad(set_to_none=True)
    print(elapsed, 0.0, flush=True)

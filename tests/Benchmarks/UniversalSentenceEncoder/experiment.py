"""Two steps of the benchmark: collect MODEL SENTENCES FITTED FOLDER, and score MODEL SENTENCES FITTED FILE...

SENTENCES is what embed.mjs wrote; its first FITTED sentences are for calibration, the others are never fitted on.
"""
import importlib.util
import json
import os
import sys

import torch

here = os.path.dirname(os.path.abspath(__file__))


def load(path):
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


encoder = load(os.path.join(here, "encoder.py"))
step, path, sentences, fitted, *rest = sys.argv[1:]
data = json.load(open(sentences))
fitted = int(fitted)
tokens, embeddings = data["tokens"], torch.tensor(data["embeddings"])


def collect(folder):
    collect_grams = load(os.path.join(here, "../../../module/python/collect_grams.py"))
    net = encoder.Encoder(path)
    print((encoder.embed(net, tokens) - embeddings).abs().max().item(), sum(map(len, tokens[:fitted])))
    grams = collect_grams.GramCollector(net, exclude="table", output_gradients=True, rename=encoder.matrix_names())
    random = torch.Generator().manual_seed(0)
    with grams:
        for ids, mask in encoder.batches(tokens[:fitted]):
            grams.mask = mask
            out = net(ids, mask)
            # A random combination of the outputs: its gradients g have E[g g^T] = J^T J, what a change here does to the embedding.
            (out * torch.randn(out.shape, generator=random)).sum().backward()
    with grams.held_out(), torch.no_grad():
        for ids, mask in encoder.batches(tokens[fitted:]):
            grams.mask = mask
            net(ids, mask)
    grams.save(os.path.join(folder, "gradients.safetensors"))
    inputs = {name: value for name, value in grams.tensors().items() if not name.endswith(".output_gram")}
    collect_grams.save_file(inputs, os.path.join(folder, "inputs.safetensors"))


def score(files):
    unseen = embeddings[fitted:]
    above = torch.triu_indices(len(unseen), len(unseen), 1)
    similarities = (unseen @ unseen.T)[above[0], above[1]]
    for file in files:
        other = encoder.embed(encoder.Encoder(path, file), tokens[fitted:])
        cosine = (other * unseen).sum(1).mean().item()
        pairs = torch.corrcoef(torch.stack([similarities, (other @ other.T)[above[0], above[1]]]))[0, 1].item()
        print(cosine, pairs)


collect(*rest) if step == "collect" else score(rest)

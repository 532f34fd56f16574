"""Collects, from any torch.nn.Module, what LowRankTools calibrates with: the Gram matrices of each layer's inputs.

    from collect_grams import GramCollector

    grams = GramCollector(model)
    with grams:                          # hooks are on
        for batch in calibration_data:
            model(batch)
    with grams.held_out():               # judged on, never fitted on
        for batch in other_data:
            model(batch)
    grams.save("calibration.safetensors")

With GramCollector(model, output_gradients=True), run a backward pass after each forward pass; the Gram matrices of the
gradients at the layers' outputs are collected too. For sequential calibration, see SequentialCollector.

Sums are float64. Linear layers give <layer>.gram (in x in), embeddings the diagonal <layer>.gram (how often each row was
asked for). docs/calibration.md describes the file. Needs nothing but PyTorch.
"""
import contextlib
import fnmatch
import json
import os
import struct

import torch

HELD_OUT = "heldout_"


class _Collector:
    def __init__(self):
        self._sums = {}
        self._prefix = ""
        self._handles = []
        self.mask = None
        """Bool tensor over the leading dimensions of a batch: tokens to count. None counts all; set it before each batch."""

    def __exit__(self, *error):
        for handle in self._handles:
            handle.remove()
        self._handles = []

    @contextlib.contextmanager
    def held_out(self):
        """Inside this block, sums go to the held-out part."""
        self._prefix = HELD_OUT
        try:
            with self:
                yield self
        finally:
            self._prefix = ""

    def tensors(self):
        """The sums by name, float64."""
        return dict(self._sums)

    def save(self, path):
        """Writes the calibration file (safetensors)."""
        save_file(self._sums, path)

    def _rows(self, x, width):
        x = x.detach()
        if self.mask is not None and x.shape[:self.mask.dim()] == self.mask.shape:
            x = x[self.mask.to(x.device)]
        return x.reshape(-1, width).double()

    def _add(self, name, value):
        value = value.detach().cpu()
        self._sums[name] = self._sums[name] + value if name in self._sums else value


class GramCollector(_Collector):
    """Hooks the chosen layers while it is entered as a context."""

    def __init__(self, model, include="*", exclude=(), output_gradients=False, rename=None):
        """
        model: any nn.Module; its nn.Linear and nn.Embedding layers are looked at.
        include, exclude: a pattern or several over the layers' names, as in fnmatch.
        output_gradients: whether gradients at the layers' outputs are collected in backward passes.
        rename: from a layer's name in the module to its name in the model file, where the two differ: a dict or function.
        """
        super().__init__()
        self._gradients = output_gradients
        rename = rename.get if isinstance(rename, dict) else rename
        self._layers = {}
        for name, layer in model.named_modules():
            if isinstance(layer, (torch.nn.Linear, torch.nn.Embedding)) and _matches(name, include) and not _matches(name, exclude):
                self._layers[(rename(name) if rename else None) or name] = layer
        if not self._layers:
            raise ValueError("no nn.Linear or nn.Embedding of this module is chosen")

    def __enter__(self):
        for name, layer in self._layers.items():
            if isinstance(layer, torch.nn.Embedding):
                self._handles.append(layer.register_forward_pre_hook(lambda m, inputs, n=name: self._count(n, m, inputs[0])))
                continue
            self._handles.append(layer.register_forward_pre_hook(lambda m, inputs, n=name: self._input(n, m, inputs[0])))
            if self._gradients:
                self._handles.append(layer.register_forward_hook(lambda m, inputs, output, n=name: self._output(n, m, output)))
        return self

    def _count(self, name, layer, ids):
        if self.mask is not None and ids.shape == self.mask.shape:
            ids = ids[self.mask.to(ids.device)]
        self._add(f"{name}.{self._prefix}gram", torch.bincount(ids.reshape(-1), minlength=layer.num_embeddings).double())

    def _input(self, name, layer, x):
        rows = self._rows(x, layer.in_features)
        self._add(f"{name}.{self._prefix}gram", rows.T @ rows)
        if not self._prefix:
            self._add(f"{name}.count", torch.tensor([float(rows.shape[0])], dtype=torch.float64))

    def _output(self, name, layer, output):
        if not output.requires_grad or self._prefix:
            return

        def add(gradient):
            rows = self._rows(gradient, layer.out_features)
            self._add(f"{name}.output_gram", rows.T @ rows)

        output.register_hook(add)


class SequentialCollector(_Collector):
    """Collects both models' inputs for sequential calibration: fit a layer on what compressed layers before it make.

        grams = SequentialCollector(original, compressed, ["decoder.fc1"])
        with grams:
            for batch in calibration_data:
                original(batch)
                compressed(batch)

    The layers bear the same names in both models; in the compressed one they may already be pairs.
    """

    def __init__(self, original, compressed, layers, rename=None):
        super().__init__()
        self._names = {name: (rename or {}).get(name, name) for name in layers}
        self._pairs = [(name, original.get_submodule(name), compressed.get_submodule(name)) for name in layers]
        self._waiting = {}

    def __enter__(self):
        for name, first, second in self._pairs:
            self._handles.append(first.register_forward_pre_hook(lambda m, inputs, n=name: self._first(n, m, inputs[0])))
            self._handles.append(second.register_forward_pre_hook(lambda m, inputs, n=name: self._second(n, inputs[0])))
        return self

    def _first(self, name, layer, x):
        self._waiting[name] = self._rows(x, layer.in_features)

    def _second(self, name, x):
        original = self._waiting.pop(name)
        arriving = self._rows(x, original.shape[1])
        for part, value in (("gram", original.T @ original), ("cross_gram", original.T @ arriving), ("compressed_gram", arriving.T @ arriving)):
            self._add(f"{self._names[name]}.{self._prefix}{part}", value)


def save_file(tensors, path):
    """Writes float64 tensors as safetensors: length of the header, header, data; whole or not at all."""
    header, parts, end = {}, [], 0
    for name in sorted(tensors):
        data = tensors[name].detach().to("cpu", torch.float64).contiguous()
        size = data.numel() * 8
        header[name] = {"dtype": "F64", "shape": list(data.shape), "data_offsets": [end, end + size]}
        parts.append(data)
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    temporary = f"{path}.part"
    with open(temporary, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for data in parts:
            file.write(data.numpy().tobytes())
    os.replace(temporary, path)


def _matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, p) for p in ([patterns] if isinstance(patterns, str) else patterns))

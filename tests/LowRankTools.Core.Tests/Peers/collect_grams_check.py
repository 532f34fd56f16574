"""Collects Grams of a small network with the shipped script and checks them against inputs that are kept in full."""
import importlib.util
import sys

import torch
from torch import nn

spec = importlib.util.spec_from_file_location("collect_grams", sys.argv[1])
collect_grams = importlib.util.module_from_spec(spec)
spec.loader.exec_module(collect_grams)
folder = sys.argv[2]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.up = nn.Linear(6, 10)
        self.down = nn.Linear(10, 4, bias=False)

    def forward(self, ids):
        return self.down(torch.relu(self.up(self.embedding(ids))))


torch.manual_seed(5)
net = Net()
batches = [torch.randint(0, 11, (3, 7)) for _ in range(4)]
masks = [torch.rand(3, 7) < 0.7 for _ in range(4)]
held = torch.randint(0, 11, (2, 7))


def close(a, b):
    assert a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=1e-9, atol=1e-12), (a, b)


# Everything kept in full, the plain way.
x = torch.cat([net.embedding(b)[m] for b, m in zip(batches, masks)]).detach()
h = torch.relu(net.up(x)).detach()

grams = collect_grams.GramCollector(net, output_gradients=True, rename={"down": "renamed.down"})
gradients = []
with grams:
    for batch, mask in zip(batches, masks):
        grams.mask = mask
        loss = (net(batch) ** 2).sum()
        loss.backward()
        out = net(batch).detach()
        gradients.append((2 * out)[mask])
with grams.held_out():
    grams.mask = None
    with torch.no_grad():
        net(held)
sums = grams.tensors()
# Each batch went through twice, once with a backward pass.
close(sums["up.gram"], 2 * x.double().T @ x.double())
close(sums["renamed.down.gram"], 2 * h.double().T @ h.double())
close(sums["up.count"], torch.tensor([2.0 * len(x)]))
close(sums["embedding.gram"], 2 * torch.bincount(torch.cat([b[m] for b, m in zip(batches, masks)]), minlength=11))
g = torch.cat(gradients).double()
close(sums["renamed.down.output_gram"], g.T @ g)
held_x = net.embedding(held).detach().reshape(-1, 6).double()
close(sums["up.heldout_gram"], held_x.T @ held_x)
assert "up.heldout_count" not in sums and not any(n.startswith("down.") for n in sums)
before = {n: s.clone() for n, s in sums.items()}
net(held)
assert all(torch.equal(grams.tensors()[n], before[n]) for n in before), "hooks stayed on"

# A compressed first layer, for sequential calibration of the second.
small = Net()
small.load_state_dict(net.state_dict())
u, s, v = torch.linalg.svd(net.up.weight.detach(), full_matrices=False)
pair = nn.Sequential(nn.Linear(6, 2, bias=False), nn.Linear(2, 10))
pair.load_state_dict({"0.weight": v[:2], "1.weight": u[:, :2] * s[:2], "1.bias": net.up.bias.detach()})
small.up = pair
sequential = collect_grams.SequentialCollector(net, small, ["down"])
with sequential:
    for batch in batches:
        net(batch)
        small(batch)
ids = torch.cat(batches).reshape(-1)
full, arriving = torch.relu(net.up(net.embedding(ids))).detach().double(), torch.relu(small.up(small.embedding(ids))).detach().double()
close(sequential.tensors()["down.gram"], full.T @ full)
close(sequential.tensors()["down.cross_gram"], full.T @ arriving)
close(sequential.tensors()["down.compressed_gram"], arriving.T @ arriving)

torch.save(net.state_dict(), folder + "/net.pt")
plain = collect_grams.GramCollector(net, include=["up", "down"])
with plain:
    for batch in batches:
        net(batch)
plain.save(folder + "/grams.safetensors")
sequential.save(folder + "/sequential.safetensors")
# ||W - best rank-2 W'|| on the inputs, over ||W X||, of both layers by torch's own SVD of what the layers put out.
for layer, inputs in ((net.up, net.embedding(ids).detach()), (net.down, full)):
    values = torch.linalg.svdvals(layer.weight.detach().double() @ inputs.double().T)
    print(repr(((values[2:] ** 2).sum() / (values ** 2).sum()).sqrt().item()), end=" ")

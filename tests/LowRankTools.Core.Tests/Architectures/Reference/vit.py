"""Vision Transformer (Dosovitskiy et al., 2020): patches by a convolution, a class token, pre-norm encoder, classifier."""
CONFIG = {
    "model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 96, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
    "image_size": 24, "patch_size": 8, "num_channels": 3, "qkv_bias": True,
    "id2label": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"},
}
TIED = {}
WIDTH, HEADS, HIDDEN, EPS = 48, 4, 96, 1e-12


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.position_embeddings = nn.Parameter(torch.randn(1, 10, WIDTH))
        self.patch_embeddings = nn.ModuleDict({"projection": nn.Conv2d(3, WIDTH, 8, stride=8)})

    def forward(self, image):
        patches = self.patch_embeddings["projection"](image).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(image.shape[0], -1, -1), patches), 1)
        return x + self.position_embeddings


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = (f(x).view(b, n, HEADS, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        weights = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1)
        return (weights @ v).transpose(1, 2).reshape(b, n, -1)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.ModuleDict({
            "attention": SelfAttention(),
            "output": nn.ModuleDict({"dense": nn.Linear(WIDTH, WIDTH)}),
        })
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(WIDTH, HIDDEN)})
        self.output = nn.ModuleDict({"dense": nn.Linear(HIDDEN, WIDTH)})
        self.layernorm_before = nn.LayerNorm(WIDTH, eps=EPS)
        self.layernorm_after = nn.LayerNorm(WIDTH, eps=EPS)

    def forward(self, x):
        x = x + self.attention["output"]["dense"](self.attention["attention"](self.layernorm_before(x)))
        return x + self.output["dense"](F.gelu(self.intermediate["dense"](self.layernorm_after(x))))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = Embeddings()
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList([Layer() for _ in range(2)])})
        self.layernorm = nn.LayerNorm(WIDTH, eps=EPS)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.vit = Vit()
        self.classifier = nn.Linear(WIDTH, 5)


def build():
    return Classifier()


def inputs():
    return {"image": torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(2))}


def forward(module, given):
    x = module.vit.embeddings(given["image"])
    for layer in module.vit.encoder["layer"]:
        x = layer(x)
    x = module.vit.layernorm(x)
    return {"hidden": x, "logits": module.classifier(x[:, 0])}

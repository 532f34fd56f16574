"""BERT (Devlin et al., 2018): post-norm encoder, learned positions and segments, masked-token head tied to the embedding."""
CONFIG = {
    "model_type": "bert", "architectures": ["BertForMaskedLM"], "vocab_size": 61, "hidden_size": 48,
    "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96, "hidden_act": "gelu",
    "max_position_embeddings": 40, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
}
TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
WIDTH, HEADS, HIDDEN, EPS = 48, 4, 96, 1e-12


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.word_embeddings = nn.Embedding(61, WIDTH)
        self.position_embeddings = nn.Embedding(40, WIDTH)
        self.token_type_embeddings = nn.Embedding(2, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=EPS)

    def forward(self, ids, segments):
        positions = torch.arange(ids.shape[1])
        return self.LayerNorm(self.word_embeddings(ids) + self.position_embeddings(positions) + self.token_type_embeddings(segments))


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x, mask):
        b, n, _ = x.shape
        q, k, v = (f(x).view(b, n, HEADS, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(mask[:, None, None, :] == 0, float("-inf"))
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, -1)


class Output(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.dense = nn.Linear(inputs, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=EPS)

    def forward(self, x, residual):
        return self.LayerNorm(self.dense(x) + residual)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(), "output": Output(WIDTH)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(WIDTH, HIDDEN)})
        self.output = Output(HIDDEN)

    def forward(self, x, mask):
        x = self.attention["output"](self.attention["self"](x, mask), x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = Embeddings()
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList([Layer() for _ in range(2)])})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(WIDTH, WIDTH)})

    def forward(self, ids, segments, mask):
        x = self.embeddings(ids, segments)
        for layer in self.encoder["layer"]:
            x = layer(x, mask)
        return x, torch.tanh(self.pooler["dense"](x[:, 0]))


class Predictions(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(61))
        self.transform = nn.ModuleDict({"dense": nn.Linear(WIDTH, WIDTH), "LayerNorm": nn.LayerNorm(WIDTH, eps=EPS)})
        self.decoder = nn.Linear(WIDTH, 61)
        self.decoder.bias = self.bias


class MaskedLanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = Bert()
        self.cls = nn.ModuleDict({"predictions": Predictions()})
        self.cls["predictions"].decoder.weight = self.bert.embeddings.word_embeddings.weight


def build():
    return MaskedLanguageModel()


def inputs():
    g = torch.Generator().manual_seed(2)
    mask = torch.ones(2, 17, dtype=torch.int64)
    mask[1, 12:] = 0
    segments = torch.zeros(2, 17, dtype=torch.int64)
    segments[:, 7:] = 1
    return {"tokens": torch.randint(0, 61, (2, 17), generator=g), "segments": segments, "mask": mask}


def forward(module, given):
    x, pooled = module.bert(given["tokens"], given["segments"], given["mask"])
    p = module.cls["predictions"]
    h = p.transform["LayerNorm"](F.gelu(p.transform["dense"](x)))
    word = module.bert.embeddings.word_embeddings
    # A tied head follows the embedding into its pair.
    table = word.weight if isinstance(word, nn.Embedding) else word[0].weight @ word[1].weight.T
    return {"hidden": x, "pooled": pooled, "logits": h @ table.T + p.bias}

"""The seed notebook's encoder-decoder as x-transformers of January 2022 runs it: pre-norm, positions scaled by
width^-0.5, no bias on queries, keys and values, cross attention to the encoder's normalised output."""
CONFIG = {
    "model_type": "x-transformers", "dim": 64, "enc_num_tokens": 40, "enc_depth": 2, "enc_heads": 2, "enc_max_seq_len": 32,
    "dec_num_tokens": 40, "dec_depth": 2, "dec_heads": 2, "dec_max_seq_len": 32, "attn_dim_head": 32, "tie_token_emb": True,
}
TIED = {"decoder.net.token_emb.weight": "encoder.token_emb.weight"}
WIDTH, HEADS, SIZE, TOKENS, LENGTH, DEPTH = 64, 2, 32, 40, 32, 2


class Attention(nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.causal = causal
        self.to_q, self.to_k, self.to_v = (nn.Linear(WIDTH, HEADS * SIZE, bias=False) for _ in range(3))
        self.to_out = nn.Linear(HEADS * SIZE, WIDTH)

    def forward(self, x, context, mask):
        b, n, _ = x.shape
        q, k, v = (f(t).view(b, t.shape[1], HEADS, SIZE).transpose(1, 2) for f, t in ((self.to_q, x), (self.to_k, context), (self.to_v, context)))
        scores = q @ k.transpose(-1, -2) * SIZE ** -0.5
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, None, :] == 0, torch.finfo(scores.dtype).min)
        if self.causal:
            scores = scores.masked_fill(torch.ones(n, n).triu(1) == 1, torch.finfo(scores.dtype).min)
        return self.to_out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, -1))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU()), nn.Identity(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x, context, mask):
        return self.net(x)


class Layers(nn.Module):
    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder
        kinds = (lambda: Attention(True), lambda: Attention(False), FeedForward) if decoder else (lambda: Attention(False), FeedForward)
        self.layers = nn.ModuleList([nn.ModuleList([nn.LayerNorm(WIDTH), kinds[i % len(kinds)]()]) for i in range(DEPTH * len(kinds))])

    def forward(self, x, context, mask):
        for i, (norm, sublayer) in enumerate(self.layers):
            y = norm(x)
            cross = self.decoder and i % 3 == 1
            x = x + sublayer(y, context if cross else y, None if self.decoder and not cross else mask)
        return x


class Side(nn.Module):
    def __init__(self, decoder):
        super().__init__()
        self.token_emb = nn.Embedding(TOKENS, WIDTH)
        self.pos_emb = nn.ModuleDict({"emb": nn.Embedding(LENGTH, WIDTH)})
        self.attn_layers = Layers(decoder)
        self.norm = nn.LayerNorm(WIDTH)
        self.to_logits = nn.Linear(WIDTH, TOKENS)

    def forward(self, ids, context=None, mask=None):
        x = self.token_emb(ids) + self.pos_emb["emb"](torch.arange(ids.shape[1])) * WIDTH ** -0.5
        return self.norm(self.attn_layers(x, context, mask))


class XTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Side(False)
        self.decoder = nn.ModuleDict({"net": Side(True)})
        self.decoder["net"].token_emb = self.encoder.token_emb


def build():
    return XTransformer()


def inputs():
    g = torch.Generator().manual_seed(2)
    mask = torch.ones(2, 13, dtype=torch.int64)
    mask[1, 9:] = 0
    return {"source": torch.randint(0, TOKENS, (2, 13), generator=g), "target": torch.randint(0, TOKENS, (2, 11), generator=g), "mask": mask}


def forward(module, given):
    encoded = module.encoder(given["source"], mask=given["mask"])
    net = module.decoder["net"]
    decoded = net(given["target"], encoded, given["mask"])
    return {"encoded": encoded, "hidden": decoded, "logits": net.to_logits(decoded)}

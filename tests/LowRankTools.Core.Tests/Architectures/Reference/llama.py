"""Llama (Touvron et al., 2023): RMSNorm, rotary positions on halves, grouped-query attention, SwiGLU, a head of its own."""
CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 67, "hidden_size": 64,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 112,
    "hidden_act": "silu", "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "tie_word_embeddings": False,
}
TIED = {}
WIDTH, HEADS, GROUPS, HIDDEN = 64, 4, 2, 112
SIZE, VALUES, FACTORS = WIDTH // HEADS, WIDTH // HEADS, None


def configure(fields):
    """The sizes of heads and what slows each pair: inv_freq = 1 / (factor * base^(2i / head_dim)), LongRoPE's formula."""
    global SIZE, VALUES, FACTORS
    SIZE = fields.get("head_dim", WIDTH // HEADS)
    VALUES = fields.get("v_head_dim", SIZE)
    FACTORS = (fields.get("rope_scaling") or {}).get("short_factor")


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)


def rotate(x):
    """Rotary positions: feature i and feature i + half turn together."""
    n, half = x.shape[-2], x.shape[-1] // 2
    factors = torch.ones(half) if FACTORS is None else torch.tensor(FACTORS)
    angles = torch.arange(n)[:, None] * (1.0 / (factors * 10000.0 ** (torch.arange(half).float() / half)))[None, :]
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()), -1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(WIDTH, HEADS * SIZE, bias=False)
        self.k_proj = nn.Linear(WIDTH, GROUPS * SIZE, bias=False)
        self.v_proj = nn.Linear(WIDTH, GROUPS * VALUES, bias=False)
        self.o_proj = nn.Linear(HEADS * VALUES, WIDTH, bias=False)

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = (f(x).view(b, n, -1, size).transpose(1, 2) for f, size in ((self.q_proj, SIZE), (self.k_proj, SIZE), (self.v_proj, VALUES)))
        q, k = rotate(q), rotate(k)
        k, v = (t.repeat_interleave(HEADS // GROUPS, 1) for t in (k, v))
        scores = q @ k.transpose(-1, -2) / math.sqrt(SIZE)
        scores = scores.masked_fill(torch.ones(n, n).triu(1) == 1, float("-inf"))
        return self.o_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, -1))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.up_proj = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.down_proj = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = RMSNorm(WIDTH)
        self.self_attn = Attention()
        self.post_attention_layernorm = RMSNorm(WIDTH)
        self.mlp = Mlp()

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(67, WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(2)])
        self.norm = RMSNorm(WIDTH)


class CausalModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Model()
        self.lm_head = nn.Linear(WIDTH, 67, bias=False)


def build():
    return CausalModel()


def inputs():
    return {"tokens": torch.randint(0, 67, (2, 21), generator=torch.Generator().manual_seed(2))}


def forward(module, given):
    x = module.model.embed_tokens(given["tokens"])
    for layer in module.model.layers:
        x = layer(x)
    x = module.model.norm(x)
    return {"hidden": x, "logits": module.lm_head(x)}

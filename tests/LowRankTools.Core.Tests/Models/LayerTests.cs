using LowRankTools.Core.Counting;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;

namespace LowRankTools.Core.Tests.Models;

public sealed class LayerTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private Dictionary<string, LayerShape> Layers(params (string Name, long[] Shape)[] tensors)
    {
        string path = TestModel.Write(_folder["m.safetensors"], [.. tensors.Select((t, i) => TestModel.Random(t.Name, i, t.Shape))]);
        using Model model = Model.Open(new ModelSource(path, "m"));
        return model.Layers.ToDictionary(l => l.Shape.Name, l => l.Shape, StringComparer.Ordinal);
    }

    private LayerShape One(string name, params long[] shape) => Layers((name, shape))[name];

    [Theory]
    [InlineData("h.0.attn.c_attn.bias", LayerKind.Bias)]
    [InlineData("h.0.attn.bias", LayerKind.Buffer)]
    [InlineData("attn.masked_bias", LayerKind.Buffer)]
    [InlineData("gpt_neox.layers.0.attention.bias", LayerKind.Buffer)]
    public void A_causal_mask_is_told_from_the_bias_of_a_projection(string name, LayerKind kind) =>
        Assert.Equal(kind, One(name, 24).Kind);

    [Theory]
    [InlineData("encoder.layer.0.attention.self.query.weight", LayerKind.Linear)]
    [InlineData("model.layers.3.mlp.gate_proj.weight", LayerKind.Linear)]
    [InlineData("lm_head.weight", LayerKind.Linear)]
    [InlineData("classifier.weight", LayerKind.Linear)]
    [InlineData("encoder.embedding_projection.weight", LayerKind.Linear)]
    [InlineData("embed_out.weight", LayerKind.Linear)]
    [InlineData("transformer.h.0.attn.c_attn.weight", LayerKind.AttentionPacked)]
    [InlineData("self_attn.in_proj_weight", LayerKind.AttentionPacked)]
    [InlineData("blocks.0.attn.qkv.weight", LayerKind.AttentionPacked)]
    [InlineData("bert.embeddings.word_embeddings.weight", LayerKind.Embedding)]
    [InlineData("bert.embeddings.position_embeddings.weight", LayerKind.Embedding)]
    [InlineData("model.embed_tokens.weight", LayerKind.Embedding)]
    [InlineData("transformer.wte.weight", LayerKind.Embedding)]
    [InlineData("token_embd.weight", LayerKind.Embedding)]
    [InlineData("encoder.pos_emb.emb.weight", LayerKind.Embedding)]
    [InlineData("encoder.token_emb.weight", LayerKind.Embedding)]
    [InlineData("lstm.weight_ih_l0", LayerKind.Recurrent)]
    [InlineData("lstm.weight_hh_l0_reverse", LayerKind.Recurrent)]
    public void A_matrix_is_recognised_by_its_name(string name, LayerKind kind) =>
        Assert.Equal(kind, One(name, 12, 8).Kind);

    [Theory]
    [InlineData("layer_norm.weight", LayerKind.Norm)]
    [InlineData("layer_norm.bias", LayerKind.Norm)]
    [InlineData("ln_1.weight", LayerKind.Norm)]
    [InlineData("model.norm.weight", LayerKind.Norm)]
    [InlineData("input_layernorm.weight", LayerKind.Norm)]
    [InlineData("bn1.weight", LayerKind.Norm)]
    [InlineData("dense.bias", LayerKind.Bias)]
    [InlineData("in_proj_bias", LayerKind.Bias)]
    [InlineData("bn1.running_mean", LayerKind.Buffer)]
    [InlineData("bn1.running_var", LayerKind.Buffer)]
    [InlineData("rotary_emb.inv_freq", LayerKind.Buffer)]
    [InlineData("alpha", LayerKind.Other)]
    public void A_vector_is_recognised_by_its_name(string name, LayerKind kind) =>
        Assert.Equal(kind, One(name, 8).Kind);

    [Theory]
    [InlineData(3, LayerKind.Conv1d)]
    [InlineData(4, LayerKind.Conv2d)]
    [InlineData(5, LayerKind.Conv3d)]
    [InlineData(6, LayerKind.Other)]
    public void Convolutions_are_recognised_by_their_dimensions(int dimensions, LayerKind kind)
    {
        LayerShape layer = One("conv.weight", [4, 2, .. Enumerable.Repeat(3L, dimensions - 2)]);
        Assert.Equal(kind, layer.Kind);
        Assert.Equal(WeightOrientation.None, layer.Orientation);
        if (kind != LayerKind.Other)
            Assert.Equal((2L, 4L), (layer.InFeatures!.Value, layer.OutFeatures!.Value));
    }

    [Fact]
    public void A_linear_layer_is_out_by_in()
    {
        LayerShape layer = One("fc.weight", 12, 8);
        Assert.Equal((8L, 12L, WeightOrientation.OutIn), (layer.InFeatures!.Value, layer.OutFeatures!.Value, layer.Orientation));
    }

    [Fact]
    public void A_bias_tells_the_orientation()
    {
        Dictionary<string, LayerShape> layers = Layers(("h.0.mlp.c_fc.weight", [8, 32]), ("h.0.mlp.c_fc.bias", [32]), ("fc.weight", [8, 32]), ("fc.bias", [8]));
        Assert.Equal(WeightOrientation.InOut, layers["h.0.mlp.c_fc.weight"].Orientation);
        Assert.Equal(WeightOrientation.OutIn, layers["fc.weight"].Orientation);
        Assert.Equal(8L, layers["h.0.mlp.c_fc.weight"].InFeatures);
    }

    [Fact]
    public void A_square_layer_follows_its_oblong_siblings()
    {
        (string, long[])[] square = [("h.0.attn.c_proj.weight", [8, 8]), ("h.0.attn.c_proj.bias", [8])];
        Dictionary<string, LayerShape> gpt2 = Layers([.. square, ("h.0.attn.c_attn.weight", [8, 24]), ("h.0.attn.c_attn.bias", [24])]);
        Assert.Equal(WeightOrientation.InOut, gpt2["h.0.attn.c_proj.weight"].Orientation);
        Dictionary<string, LayerShape> nano = Layers([.. square, ("h.0.attn.c_attn.weight", [24, 8]), ("h.0.attn.c_attn.bias", [24])]);
        Assert.Equal(WeightOrientation.OutIn, nano["h.0.attn.c_proj.weight"].Orientation);
    }

    [Fact]
    public void The_break_even_rank_is_shown()
    {
        Assert.Equal(5, One("fc.weight", 12, 10).BreakEvenRank); // 5 x 22 = 110 < 120
        Assert.Null(One("conv.weight", 4, 4, 3, 3).BreakEvenRank);
    }

    [Fact]
    public void A_name_in_the_metadata_is_a_tie()
    {
        string path = TestModel.Write(_folder["tied.safetensors"], new Dictionary<string, string> { ["b.weight"] = "a.weight", ["format"] = "pt" }, TestModel.Random("a.weight", 1, 4, 4));
        using Model model = Model.Open(new ModelSource(path, "tied"));
        LayerShape alias = model.Layers.Single(l => l.Shape.Name == "b.weight").Shape;
        Assert.Equal("a.weight", alias.TiedTo);
        ParameterCount count = CountParameters.Run(model);
        Assert.Equal((16L, 16L, 2), (count.Parameters, count.TiedParameters, count.Tensors));
    }
}

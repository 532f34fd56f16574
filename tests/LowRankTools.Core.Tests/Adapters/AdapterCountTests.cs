using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tests.Gguf;
using LowRankTools.Formats.Tests.Gguf;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Lists and counts show an adapter as one, and a model as no such thing.</summary>
public sealed class AdapterCountTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static List<LayerShape> Shapes(ModelSource source)
    {
        using Model model = Model.Open(source);
        return [.. model.Layers.Select(l => l.Shape)];
    }

    [Fact]
    public void Halves_know_their_module_and_rank_and_the_count_knows_the_layout()
    {
        ModelSource peft = TestAdapter.Peft(_folder["p"], """{"r":4,"lora_alpha":6,"rank_pattern":{"b":2}}""",
            [.. TestAdapter.PeftModule("a", 1, 10, 4, 6), .. TestAdapter.PeftModule("b", 2, 10, 2, 6), TestModel.Random("base_model.model.norm.weight", 3, 10)]);
        Assert.Equal(new AdapterSummary(AdapterLayout.Peft, 2, 2, 4), CountParameters.Run(peft).Adapter);
        Assert.Equal([("a", 4), ("a", 4), ("b", 2), ("b", 2), (null, null)], Shapes(peft).Select(s => (s.AdapterFor, s.Rank)));
        ModelSource gguf = new GgufBuilder().With(TestModel.Random("blk.0.attn_q.weight.lora_a", 1, 3, 8)).With(TestModel.Random("blk.0.attn_q.weight.lora_b", 2, 6, 3)).Write(_folder["a.gguf"]);
        Assert.Equal(new AdapterSummary(AdapterLayout.Gguf, 1, 3, 3), CountParameters.Run(gguf).Adapter);
        ModelSource kohya = new(TestModel.Write(_folder["k.safetensors"], TestAdapter.KohyaModule("c", 3, 5, 2, 6, 2)), "k");
        Assert.Equal([("c", 2), ("c", 2), ("c", null)], Shapes(kohya).Select(s => (s.AdapterFor, s.Rank)));
    }

    [Fact]
    public void A_model_is_no_adapter_whatever_its_tensors_are_called()
    {
        // An alpha, and half of a pair, are none.
        ModelSource model = new(TestModel.Write(_folder["m.safetensors"], TestModel.Random("fc.weight", 1, 8, 8), TestModel.Random("x.alpha", 2, 1), TestModel.Random("y.lora_A", 3, 2, 8)), "m");
        Assert.Null(CountParameters.Run(model).Adapter);
        Assert.All(Shapes(model), s => Assert.Equal((null, null), (s.AdapterFor, s.Rank)));
    }
}

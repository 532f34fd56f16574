using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Adapters;

public sealed class AdapterReadingTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private Adapter Peft(string config, params (string Name, long[] Shape, float[] Values)[] tensors) => Adapter.Open(TestAdapter.Peft(_folder["peft"], config, tensors));

    private LowRankToolsException Refused(params (string Name, long[] Shape, float[] Values)[] tensors) =>
        Assert.ThrowsAny<LowRankToolsException>(() => Adapter.Open(new ModelSource(TestModel.Write(_folder["bad.safetensors"], tensors), "bad")));

    [Theory]
    [InlineData("""{"r":4,"lora_alpha":6}""", 6.0 / 4)]
    [InlineData("""{"r":4,"lora_alpha":6,"use_rslora":true}""", 6.0 / 2)]
    [InlineData("""{"r":9,"lora_alpha":6,"rank_pattern":{"fc":4}}""", 6.0 / 4)]
    [InlineData("""{"r":9,"lora_alpha":6,"rank_pattern":{"block.0.fc":4},"alpha_pattern":{"b.*fc":10}}""", 10.0 / 4)]
    [InlineData("""{"r":4,"lora_alpha":6,"alpha_pattern":{"ock.0.fc":10,"c":1}}""", 6.0 / 4)]
    public void Peft_scales_by_alpha_over_the_rank_or_its_root(string config, double scaling)
    {
        using Adapter adapter = Peft(config, TestAdapter.PeftModule("block.0.fc", 1, 10, 4, 8));
        AdapterModule module = Assert.Single(adapter.Modules);
        Assert.Equal(("block.0.fc", 4, 10, 8), (module.Name, module.Rank, module.OutFeatures, module.InFeatures));
        Assert.Equal(scaling, module.Scaling, 12);
        Assert.Equal((AdapterLayout.Peft, "peft"), (adapter.Layout, adapter.Source.Name));
    }

    [Theory]
    [InlineData(2f, 2.0 / 4)]
    [InlineData(null, 1.0)]
    public void Kohya_scales_by_alpha_over_the_rank_and_without_one_not_at_all(float? alpha, double scaling)
    {
        using Adapter adapter = Adapter.Open(new ModelSource(TestModel.Write(_folder["k.safetensors"], TestAdapter.KohyaModule("lora_unet_a_b", 1, 10, 4, 8, alpha)), "k"));
        Assert.Equal(scaling, Assert.Single(adapter.Modules).Scaling, 12);
        Assert.Equal(AdapterLayout.Kohya, adapter.Layout);
    }

    [Fact]
    public void A_state_dict_of_loralib_needs_an_alpha()
    {
        (float[] a, float[] b) = TestAdapter.Factors(1, 10, 4, 8);
        ModelSource source = new(TestModel.Write(_folder["l.safetensors"], ("fc.lora_A", [4, 8], a), ("fc.lora_B", [10, 4], b)), "l");
        Assert.Equal(CoreErrors.AdapterScalingUnknown, Assert.Throws<LowRankToolsException>(() => Adapter.Open(source)).ErrorId);
        using Adapter adapter = Adapter.Open(source, alpha: 6);
        Assert.Equal((AdapterLayout.LoraLib, 6.0 / 4), (adapter.Layout, adapter.Modules[0].Scaling));
    }

    [Fact]
    public void A_convolution_in_three_steps_is_the_product_of_all_three()
    {
        (string Name, long[] Shape, float[] Values) down = TestModel.Random("c.lora_down.weight", 1, 2, 5, 1, 1), mid = TestModel.Random("c.lora_mid.weight", 2, 3, 2, 3, 3), up = TestModel.Random("c.lora_up.weight", 3, 7, 3, 1, 1);
        using Adapter adapter = Adapter.Open(new ModelSource(TestModel.Write(_folder["c.safetensors"], down, mid, up), "c"));
        AdapterModule module = Assert.Single(adapter.Modules);
        Assert.Equal((7, 45, 3), (module.OutFeatures, module.InFeatures, module.Rank));
        double[] delta = TestAdapter.Delta(module);
        for (int o = 0; o < 7; o++)
        {
            for (int i = 0; i < 5; i++)
            {
                for (int k = 0; k < 9; k++)
                {
                    double sum = 0;
                    for (int p = 0; p < 3; p++)
                    {
                        for (int q = 0; q < 2; q++)
                            sum += (double)up.Values[o * 3 + p] * mid.Values[(p * 2 + q) * 9 + k] * down.Values[q * 5 + i];
                    }
                    Assert.Equal(sum, delta[o * 45 + i * 9 + k], 5);
                }
            }
        }
    }

    [Fact]
    public void Magnitudes_and_other_parts_are_told_apart()
    {
        using Adapter adapter = Peft("""{"r":4,"lora_alpha":4,"use_dora":true}""",
            [.. TestAdapter.PeftModule("fc", 1, 10, 4, 8), TestModel.Random("base_model.model.fc.lora_magnitude_vector", 2, 10), TestModel.Random("base_model.model.head.weight", 3, 5, 5)]);
        Assert.NotNull(Assert.Single(adapter.Modules).Magnitude);
        Assert.Equal("base_model.model.head.weight", Assert.Single(adapter.Others).Name);
    }

    [Fact]
    public void A_model_is_no_adapter() => Assert.Equal(CoreErrors.NotAnAdapter, Refused(TestModel.Random("fc.weight", 1, 4, 4), TestModel.Random("snake.alpha", 2, 4)).ErrorId);

    [Fact]
    public void What_contradicts_itself_is_refused_by_name()
    {
        (string Name, long[] Shape, float[] Values) a = TestModel.Random("x.lora_down.weight", 1, 4, 8), b = TestModel.Random("x.lora_up.weight", 2, 10, 4);
        (string Name, long[] Shape, float[] Values)[][] bad =
        [
            [a],
            [b],
            [a, TestModel.Random("x.lora_up.weight", 2, 10, 3)],
            [a, TestModel.Random("x.lora_up.weight", 2, 10, 4, 2, 2)],
            [TestModel.Random("x.lora_down.weight", 1, 32), b],
            [a, b, ("x.alpha", [], [float.NaN])],
            [a, b, ("x.alpha", [2], [1, 1])],
            [a, b, TestModel.Random("x.lora_mid.weight", 3, 4, 4)],
            [a, b, TestModel.Random("x.lora_A.weight", 3, 4, 8)],
        ];
        foreach ((string Name, long[] Shape, float[] Values)[] tensors in bad)
        {
            LowRankToolsException error = Refused(tensors);
            Assert.Equal(CoreErrors.AdapterInvalid, error.ErrorId);
            Assert.Contains("'x", error.Message, StringComparison.Ordinal);
            Assert.Contains("bad.safetensors", error.Message, StringComparison.Ordinal);
            Assert.NotEqual("", error.Remedy);
        }
    }

    [Theory]
    [InlineData("x.hada_w1_a")]
    [InlineData("x.lokr_w1")]
    [InlineData("x.dora_scale")]
    public void Other_kinds_of_adapters_are_refused(string name) => Assert.Equal(CoreErrors.AdapterUnsupported, Refused(TestModel.Random(name, 1, 4, 4)).ErrorId);

    [Theory]
    [InlineData("""{"peft_type":"LOHA"}""", CoreErrors.AdapterUnsupported)]
    [InlineData("""{"r":4,"init_lora_weights":"pissa_niter_16"}""", CoreErrors.AdapterUnsupported)]
    [InlineData("""{"r":4,"rank_pattern":{"(":1}}""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"r":4,"rank_pattern":{"a":"b"}}""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"r":"4"}""", CoreErrors.ConfigInvalid)]
    [InlineData("""[]""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"r":5}""", CoreErrors.AdapterInvalid)]
    public void A_configuration_that_says_something_else_is_refused(string config, string id) =>
        Assert.Equal(id, Assert.ThrowsAny<LowRankToolsException>(() => Peft(config, TestAdapter.PeftModule("fc", 1, 10, 4, 8))).ErrorId);

    [Fact]
    public void A_pattern_that_would_take_forever_takes_no_time()
    {
        string evil = "(a|a|aa)*b";
        using Adapter adapter = Peft($$$"""{"r":4,"rank_pattern":{"{{{evil}}}":9}}""", TestAdapter.PeftModule(new string('a', 20_000), 1, 10, 4, 8));
        Assert.Equal(2, Assert.Single(adapter.Modules).Scaling);
    }
}

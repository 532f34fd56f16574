using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>Adapters in loralib's and PEFT's layouts.</summary>
public sealed class LoraStateTests
{
    [Fact]
    public void Names_are_those_of_loralib_and_PEFT()
    {
        using Gpt2 model = Model(ParameterFactory.ShapesOnly);
        string attention = "transformer.h.0.attn.c_attn.";
        Assert.Equal(
            ["transformer.wte.lora_A", "transformer.wte.lora_B", attention + "lora_A", attention + "lora_B"],
            model.LoraStateDict().Take(4).Select(p => p.Name));
        Assert.Equal(
            ["base_model.model.transformer.wte.lora_embedding_A", "base_model.model.transformer.wte.lora_embedding_B", "base_model.model." + attention + "base_layer.bias", "base_model.model." + attention + "lora_A.weight", "base_model.model." + attention + "lora_B.weight"],
            model.LoraStateDict(LoraBias.LoraOnly, LoraKeys.Peft).Take(5).Select(p => p.Name));
        Assert.Contains("base_model.model.transformer.ln_f.bias", model.LoraStateDict(LoraBias.All, LoraKeys.Peft).Select(p => p.Name));
        Assert.DoesNotContain(model.LoraStateDict(), p => !p.Name.Contains("lora_", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(LoraKeys.Loralib)]
    [InlineData(LoraKeys.Peft)]
    public void An_adapter_on_the_same_base_gives_the_same_outputs(LoraKeys keys)
    {
        using Gpt2 trained = Model(new ParameterFactory(Engine, 2)), other = Model(new ParameterFactory(Engine, 2));
        Randomize(trained);
        double[] expected = LoraSurgeryTests.Logits(trained);
        Assert.NotEqual(expected, LoraSurgeryTests.Logits(other));
        other.Eval(Engine);
        LoadReport report = other.LoadLora(Engine, new Named(trained.LoraStateDict(LoraBias.All, keys)), strict: true);
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
        Assert.Equal(expected, LoraSurgeryTests.Logits(other));
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        using Gpt2 model = Model(new ParameterFactory(Engine, 2));
        NamedParameter[] all = [.. model.LoraStateDict()];
        var source = new Named([.. all.Skip(1), new NamedParameter("elsewhere.lora_A", all[0].Parameter)]);
        LoadReport report = model.LoadLora(Engine, source);
        Assert.Equal([all[0].Name], report.Missing);
        Assert.Equal(["elsewhere.lora_A"], report.Unexpected);
        Assert.Equal("WeightsDoNotFit", Assert.Throws<LowRankToolsException>(() => model.LoadLora(Engine, source, strict: true)).ErrorId);
        using var wider = new Gpt2(new ParameterFactory(Engine, 2), LoraSurgeryTests.Config);
        wider.AddLora(Engine, new LoraOptions(3), ["c_attn", "wte"]);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => wider.LoadLora(Engine, source)).ErrorId);
    }

    [Fact]
    public void Groups_have_no_layout_of_PEFT()
    {
        using var model = new Sequential(new LoraMergedLinear(ParameterFactory.ShapesOnly, 4, 6, new LoraOptions(1) { EnabledGroups = [true, false] }));
        Assert.Equal(["0.lora_A", "0.lora_B"], model.LoraStateDict().Select(p => p.Name));
        Assert.Equal("NoPeftLayout", Assert.Throws<LowRankToolsException>(() => model.LoraStateDict(keys: LoraKeys.Peft)).ErrorId);
    }

    private static Gpt2 Model(ParameterFactory factory)
    {
        var model = new Gpt2(factory, LoraSurgeryTests.Config);
        model.AddLora(Engine, new LoraOptions(2) { Alpha = 4 }, ["c_attn", "wte"]);
        return model;
    }

    private sealed class Named(IReadOnlyList<NamedParameter> parameters) : IWeightSource
    {
        public IEnumerable<string> Names => parameters.Select(p => p.Name);

        public IReadOnlyList<int>? ShapeOf(string name) => Find(name)?.Shape;

        public Matrix<float> Read(string name, CancellationToken ct) => Engine.ToMatrix(Find(name)!.Value);

        private Parameter? Find(string name) => parameters.FirstOrDefault(p => p.Name == name)?.Parameter;
    }
}

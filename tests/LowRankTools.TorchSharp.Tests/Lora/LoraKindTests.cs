using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Lora;
using LowRankTools.TorchSharp.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>Convolutions, DoRA and starts from the weight on a real libtorch.</summary>
[Collection(LibTorch.Name)]
public sealed class LoraKindTests : IDisposable
{
    private const double Single = 2e-6, Wide = 1e-13;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lowrank-lora-");

    private string File => Path.Combine(_folder.FullName, "adapter.safetensors");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_convolution_is_one_of_the_changed_kernel(int groups)
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = nn.Sequential(nn.Conv2d(4, 6, (3, 3), (2, 2), (1, 1), (1, 1), groups: groups));
        Tensor x = randn(2, 4, 9, 8), before = model.call(x);
        Assert.Equal(["0"], model.AddLora(new LoraOptions(2) { Alpha = 3 }, ["0"]));
        var layer = (LoraConv2d)model[0];
        Assert.Equal([6, 12], layer.A.shape);
        Assert.Equal([18 / groups, 6], layer.B.shape);
        Assert.True(before.equal(model.call(x)).all().item<bool>());
        Randomize(layer);
        Tensor kernel = layer.Weight + (layer.B.mm(layer.A) * 1.5).reshape(layer.Weight.shape);
        Tensor expected = nn.functional.conv2d(x, kernel, layer.Bias, [2, 2], [1, 1], groups: groups), bits = layer.Weight.detach().clone();
        Close(expected, model.call(x), Single);
        model.eval();
        Assert.True(layer.IsMerged);
        Close(expected, model.call(x), Single);
        model.train();
        Assert.True(bits.equal(layer.Weight).all().item<bool>());
        layer.call(x).sum().backward();
        Assert.Null(layer.Weight.grad);
        Assert.True(layer.A.grad!.abs().sum().item<float>() > 0);
        Assert.Equal("NoPeftLayout", Assert.Throws<LowRankToolsException>(() => model.LoraStateDict(keys: LoraKeys.Peft)).ErrorId);
        model.SaveLora(File);
        Tensor b = layer.B.detach().clone();
        Randomize(layer);
        Assert.Empty(model.LoadLora(File).Missing);
        Assert.True(b.equal(layer.B).all().item<bool>());
        model.MergeLora();
        Assert.IsType<Conv2d>(model[0]);
        Close(expected, model.call(x), Single);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    public void DoRA_is_its_formula(double dropout)
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = nn.Sequential(nn.Linear(7, 5));
        Tensor x = randn(6, 7), before = model.call(x);
        model.AddLora(new LoraOptions(2) { Alpha = 3, Dora = true, Dropout = dropout });
        var layer = (DoraLinear)model[0];
        Close(before, model.call(x), Single);
        Assert.Equal((2 * (7 + 5)) + 5, model.MarkOnlyLoraTrainable().Trainable);
        model.to(ScalarType.Float64);
        Randomize(layer);
        Tensor directions = layer.Weight + (layer.B.mm(layer.A) * 1.5);
        Tensor dense = layer.Magnitude.unsqueeze(1) * directions / directions.pow(2).sum(1, keepdim: true).sqrt();
        Tensor wide = x.to(ScalarType.Float64), expected = wide.matmul(dense.t()) + layer.Bias!;
        model.eval();
        Close(expected, model.call(wide), Wide);
        layer.Unmerge();
        Close(expected, model.call(wide), Wide);
        model.train();
        if (dropout == 0) Close(expected, model.call(wide), Wide);
        else Assert.False(allclose(expected, model.call(wide)));
        model.MergeLora();
        Assert.IsType<Linear>(model[0]);
        Close(expected, model.call(wide), Wide);
    }

    [Fact]
    public void Lengths_are_saved_as_PEFT_names_them()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = nn.Sequential(nn.Linear(7, 5));
        model.AddLora(new LoraOptions(2) { Dora = true });
        Assert.Contains("base_model.model.0.lora_magnitude_vector", model.LoraStateDict(keys: LoraKeys.Peft).Keys);
        Randomize((LoraModule)model[0]);
        Tensor x = randn(3, 7), expected = model.call(x);
        model.SaveLora(File, keys: LoraKeys.Peft);
        Randomize((LoraModule)model[0]);
        WeightReport report = model.LoadLora(File);
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
        Assert.True(expected.equal(model.call(x)).all().item<bool>());
    }

    [Theory]
    [InlineData(LoraStart.Pissa, false)]
    [InlineData(LoraStart.Olora, false)]
    [InlineData(LoraStart.Olora, true)]
    public void A_start_from_the_weight_keeps_what_the_layer_computes(LoraStart start, bool groups)
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = nn.Sequential(nn.Linear(12, 9));
        Tensor x = randn(6, 12), before = model.call(x), weight = ((Linear)model[0]).weight!.detach().clone();
        model.AddLora(new LoraOptions(2) { Alpha = 3, Start = start, EnabledGroups = groups ? [true, false, true] : null });
        var layer = (LoraLinear)model[0];
        Close(before, model.call(x), Single);
        Assert.True(layer.Delta().abs().sum().item<float>() > 0);
        if (start == LoraStart.Olora)
        {
            // B has orthonormal columns, A is upper triangular, and B A has the first columns of the group's weight.
            Tensor b = layer.B.narrow(0, 0, groups ? 3 : 9), a = layer.A.narrow(0, 0, 2);
            Close(eye(2), b.t().mm(b), Single);
            Assert.Equal(0, a[1, 0].item<float>(), 6);
            Close(weight.narrow(0, 0, b.shape[0]).narrow(1, 0, 2), b.mm(a).narrow(1, 0, 2), Single);
        }
    }

    [Fact]
    public void What_a_layer_has_no_form_for_is_refused_and_nothing_is_changed()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = nn.Sequential(nn.Linear(12, 9), nn.Conv2d(4, 6, (3, 1)), nn.Linear(3, 3));
        Assert.Equal("ShapesDoNotMatch", Refused(new LoraOptions(2), "1"));
        Assert.Equal("LoraOptionsInvalid", Refused(new LoraOptions(2) { Dora = true, EnabledGroups = [true, false, true] }, "0"));
        Assert.Equal("LoraOptionsInvalid", Refused(new LoraOptions(2) { Dora = true, Start = LoraStart.Pissa }, "0"));
        Assert.Equal("RankExceedsLayer", Refused(new LoraOptions(4) { Start = LoraStart.Olora }, "0", "2"));
        Assert.Empty(model.modules().OfType<LoraModule>());
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));

        string Refused(LoraOptions options, params string[] names) => Assert.Throws<LowRankToolsException>(() => model.AddLora(options, names)).ErrorId;
    }

    private static void Randomize(LoraModule layer)
    {
        using IDisposable frozen = no_grad();
        foreach ((string name, Parameter parameter) in layer.named_parameters(recurse: false))
        {
            if (name.StartsWith("lora_", StringComparison.Ordinal)) parameter.normal_(0.5, 0.5);
        }
    }

    private static void Close(Tensor expected, Tensor actual, double share)
    {
        double scale = expected.abs().max().to(ScalarType.Float64).item<double>();
        Assert.InRange((expected - actual).abs().max().to(ScalarType.Float64).item<double>(), 0, share * scale);
    }
}

using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using LowRankTools.TorchSharp.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>Weights of files in modules, by name.</summary>
[Collection(LibTorch.Name)]
public sealed class ModuleWeightsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lowrank-torch-");

    private string File => Path.Combine(_folder.FullName, "model.safetensors");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void What_is_saved_and_loaded_is_the_same(ScalarType type)
    {
        using Sequential saved = Model(1), loaded = Model(2);
        saved.to(type);
        loaded.to(type);
        saved.SaveSafetensors(File);
        WeightReport report = loaded.LoadSafetensors(File);
        Assert.True(report.IsComplete);
        Assert.Equal(saved.state_dict().Keys, report.Loaded);
        Assert.All(saved.state_dict(), entry => Assert.True(Same(entry.Value, loaded.state_dict()[entry.Key]), entry.Key));
    }

    [Fact]
    public void Values_take_the_modules_type_and_gradients_stay()
    {
        using Sequential saved = Model(1), loaded = Model(2);
        saved.to(ScalarType.Float64).SaveSafetensors(File);
        loaded.LoadWeights(File);
        Assert.All(loaded.parameters(), p => Assert.Equal((ScalarType.Float32, true), (p.dtype, p.requires_grad)));
        Assert.All(saved.named_parameters(), p => Assert.True(Same(p.parameter.to(ScalarType.Float32), loaded.state_dict()[p.name])));
    }

    [Fact]
    public void Strictness_refuses_before_anything_is_changed_and_leniency_reports()
    {
        using Sequential saved = nn.Sequential(("fc1", nn.Linear(8, 4)), ("fc2", nn.Linear(4, 5)), ("extra", nn.Linear(2, 2)));
        using Sequential loaded = nn.Sequential(("fc1", nn.Linear(8, 4)), ("fc2", nn.Linear(4, 3)), ("fc3", nn.Linear(3, 3)));
        saved.SaveSafetensors(File);
        using Tensor before = loaded.state_dict()["fc1.weight"].clone();
        Assert.Equal("WeightsDoNotFit", Assert.Throws<LowRankToolsException>(() => loaded.LoadWeights(File)).ErrorId);
        Assert.True(Same(before, loaded.state_dict()["fc1.weight"]));

        WeightReport report = loaded.LoadWeights(File, new WeightLoadOptions { Strict = false });
        Assert.Equal(["fc1.weight", "fc1.bias"], report.Loaded);
        Assert.Equal(["fc3.weight", "fc3.bias"], report.Missing);
        Assert.Equal(["extra.bias", "extra.weight"], report.Unexpected.Order(StringComparer.Ordinal));
        Assert.Equal(["fc2.bias", "fc2.weight"], report.Mismatched.Select(m => m.Name).Order(StringComparer.Ordinal));
        Assert.True(Same(saved.state_dict()["fc1.weight"], loaded.state_dict()["fc1.weight"]));
    }

    [Fact]
    public void Names_are_translated_and_tensors_left_out()
    {
        using Sequential saved = nn.Sequential(("old", nn.Linear(8, 4)), ("dropped", nn.Linear(2, 2))), loaded = nn.Sequential(("new", nn.Linear(8, 4)));
        saved.SaveSafetensors(File);
        WeightReport report = loaded.LoadWeights(File, new WeightLoadOptions
        {
            Rename = name => name.StartsWith("dropped.", StringComparison.Ordinal) ? null : name.Replace("old.", "new.", StringComparison.Ordinal),
        });
        Assert.True(report.IsComplete);
    }

    [Fact]
    public void A_pair_goes_through_a_file_under_the_names_that_the_product_writes()
    {
        using Sequential dense = nn.Sequential(("fc", nn.Linear(40, 30))), again = nn.Sequential(("fc", nn.Linear(40, 30)));
        dense.FactorizeLinear(4);
        again.FactorizeLinear(4, new FactorizeLinearOptions { Initialization = PairInitialization.Random });
        dense.SaveSafetensors(File);
        Assert.Equal(["fc.0.weight", "fc.1.bias", "fc.1.weight"], again.LoadSafetensors(File).Loaded.Order(StringComparer.Ordinal));
        using Tensor x = TestModules.Input(3, 40), expected = dense.forward(x), actual = again.forward(x);
        Assert.True(Same(expected, actual));
    }

    [Fact]
    public void A_file_is_replaced_only_when_told_to()
    {
        using Sequential model = Model(1);
        model.SaveSafetensors(File);
        byte[] before = System.IO.File.ReadAllBytes(File);
        Assert.Equal("OutputExists", Assert.Throws<LowRankToolsException>(() => model.SaveSafetensors(File)).ErrorId);
        model.SaveSafetensors(File, overwrite: true);
        Assert.Equal(before, System.IO.File.ReadAllBytes(File));
        Assert.Equal([File], Directory.EnumerateFiles(_folder.FullName));
        using TensorFile file = TensorFiles.Open(File);
        Assert.Equal(model.state_dict().Keys.Order(StringComparer.Ordinal), file.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Loading_leaves_no_tensor_behind()
    {
        using Sequential model = Model(1);
        model.SaveSafetensors(File);
        model.LoadWeights(File);
        // What other tests left to the collector must not go while this one counts.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = torch.Tensor.TotalCount;
        model.LoadWeights(File);
        model.SaveSafetensors(File, overwrite: true);
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    private static bool Same(Tensor x, Tensor y)
    {
        using Tensor equal = x.eq(y), all = equal.all();
        return x.dtype == y.dtype && all.ToBoolean();
    }

    // Batch normalization counts its batches in an integer buffer.
    private static Sequential Model(long seed)
    {
        manual_seed(seed);
        return nn.Sequential(("fc1", nn.Linear(8, 4)), ("norm", nn.BatchNorm1d(4)), ("fc2", nn.Linear(4, 2)));
    }
}

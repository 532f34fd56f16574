using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Adapters;

public sealed class AdapterWritingTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Copy(ModelSource source, AdapterOutputOptions options)
    {
        options.Validate();
        using Adapter adapter = Adapter.Open(source);
        AdapterLayout layout = options.LayoutFor(adapter.Layout);
        List<AdapterFactors> factors = [.. adapter.Modules.Select(m => AdapterFactors.Read(m, default))];
        string path = new AdapterWriter(options.Location(adapter.Source, layout, "-copy"), layout, TensorDType.F32, options) { Source = SourceFiles.Of(adapter.Files) }.Write(factors, default).Path;
        factors.ForEach(f => f.Dispose());
        return path;
    }

    private ModelSource Mixed() => TestAdapter.Peft(_folder["in"], """{"r":4,"lora_alpha":6,"use_rslora":true,"rank_pattern":{"x.fc":2},"base_model_name_or_path":"some/base"}""",
        [.. TestAdapter.PeftModule("fc", 1, 10, 4, 8), .. TestAdapter.PeftModule("x.fc", 2, 6, 2, 12)]);

    [Theory]
    [InlineData("out")]
    [InlineData("out.safetensors")]
    [InlineData(null)]
    public void What_is_written_adds_the_same(string? output)
    {
        ModelSource source = Mixed();
        string path = Copy(source, new AdapterOutputOptions { OutputPath = output is null ? null : _folder[output] });
        if (output is null)
            Assert.Equal(_folder["in-copy/adapter_model.safetensors"], path);
        Dictionary<string, double[]> before = TestAdapter.Deltas(source.Path), after = TestAdapter.Deltas(path);
        Assert.Equal(before.Keys, after.Keys);
        Assert.All(before, b => Assert.InRange(TestAdapter.Distance(b.Value, after[b.Key]) / TestAdapter.Norm(b.Value), 0, 1e-6));
    }

    [Fact]
    public void What_exists_gives_way_by_force_only_and_the_source_never()
    {
        ModelSource source = Mixed();
        AdapterOutputOptions options = new() { OutputPath = _folder["out"] };
        Copy(source, options);
        Dictionary<string, string> first = TestModel.Snapshot(_folder["out"]);
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => Copy(source, options)).ErrorId);
        File.Delete(_folder["out/adapter_model.safetensors"]);
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => Copy(source, options)).ErrorId);
        Copy(source, options with { Force = true });
        Assert.Equal(first, TestModel.Snapshot(_folder["out"]));
        Assert.Equal(CoreErrors.OutputIsSource, Assert.Throws<LowRankToolsException>(() => Copy(source, options with { OutputPath = _folder["in"], Force = true })).ErrorId);
    }

    [Fact]
    public void What_cannot_be_written_is_refused()
    {
        Assert.All(new AdapterOutputOptions[] { new() { Layout = AdapterLayout.LoraLib }, new() { DType = TensorDType.I8 }, new() { OutputPath = "x.pt" }, new() { OutputPath = "x.safetensors", Layout = AdapterLayout.Peft } },
            o => Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(o.Validate).ErrorId));
    }
}

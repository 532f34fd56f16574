using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Records;
using LowRankTools.Decompositions;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Decompositions;

/// <summary>What is refused, and by which error.</summary>
public sealed class DecompositionRefusalTests : IDisposable
{
    private const string Good = """{"Version":1,"Source":"m","Rule":"Cp, rank 2","Seed":0,"Tensors":[{"Name":"a.weight","Method":"Cp","Shape":[4,5,6],"Ranks":[2],"DType":"F32","RelativeError":0.5}]}""";
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static DecomposeOptions Options(int[]? ranks, string method = "Tucker") => new() { Method = method, Decomposition = new DecompositionOptions { Ranks = ranks } };

    private ModelSource Source(params (string Name, long[] Shape, float[] Values)[] tensors) => new(TestModel.Write(_folder["in/m.safetensors"], tensors), "m");

    private static string Id(Action action) => Assert.ThrowsAny<LowRankToolsException>(action).ErrorId;

    [Fact]
    public void Options_that_no_tensor_could_be_decomposed_with()
    {
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Options([2], "Fourier").Validate()));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Options(null).Validate()));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Options([2, 3], "Cp").Validate()));
        Assert.Equal(CoreErrors.OutputFormatNotWritten, Id(() => (Options([2]) with { Format = ModelFormat.PyTorch }).Validate()));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => (Options([2]) with { OutputPath = _folder["x.pt"] }).Validate()));
    }

    [Fact]
    public void An_error_of_a_tensor_names_it_and_the_file()
    {
        (string name, long[] shape, float[] values) = TestModel.Random("a.weight", 1, 6, 5, 4);
        values[7] = float.NaN;
        ModelSource source = Source((name, shape, values));
        LowRankToolsException bad = Assert.ThrowsAny<LowRankToolsException>(() => new DecomposeTensors(Options([2])).Run(source));
        Assert.Equal(CoreErrors.NonFiniteValues, bad.ErrorId);
        Assert.Contains("a.weight", bad.Message, StringComparison.Ordinal);
        Assert.Contains(source.Path, bad.Message, StringComparison.Ordinal);
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => new DecomposeTensors(Options([2, 2])).Run(Source(TestModel.Random("a.weight", 1, 6, 5, 4)))));
    }

    [Fact]
    public void A_model_without_anything_to_decompose()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 6, 5), TestModel.Random("b.weight", 1, 2, 2, 2));
        Assert.Equal(CoreErrors.NothingToFactorize, Id(() => new DecomposeTensors(Options([5], "Cp")).Run(source)));
        Assert.Equal(CoreErrors.LayerNotFound, Id(() => new DecomposeTensors(Options([2]) with { Selection = new LayerSelection { Include = [LayerSelection.Pattern("nobody*")] } }).Run(source)));
    }

    [Fact]
    public void Output_that_exists_and_the_source_itself()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 12, 10, 9));
        new DecomposeTensors(Options([2]) with { OutputPath = _folder["out"] }).Run(source);
        Assert.Equal(CoreErrors.OutputExists, Id(() => new DecomposeTensors(Options([2]) with { OutputPath = _folder["out"] }).Run(source)));
        Assert.Equal(CoreErrors.OutputIsSource, Id(() => new DecomposeTensors(Options([2]) with { OutputPath = source.Path, Force = true }).Run(source)));
    }

    [Fact]
    public void A_name_that_the_factors_would_take()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 12, 10, 9), TestModel.Random("a.weight.core", 2, 3));
        Assert.Equal(CoreErrors.NameCollision, Id(() => new DecomposeTensors(Options([2])).Run(source)));
    }

    [Fact]
    public void The_record_of_the_test_itself_is_a_good_one()
    {
        Assert.Equal(1, Merge(Good).MergedLayers);
    }

    [Theory]
    [InlineData("\"Shape\":[4,5,6]", "\"Shape\":[4,5,7]")]
    [InlineData("\"Shape\":[4,5,6]", "\"Shape\":[]")]
    [InlineData("\"Shape\":[4,5,6]", "\"Shape\":[4294967296,4294967296,4294967296]")]
    [InlineData("\"Ranks\":[2]", "\"Ranks\":[3]")]
    [InlineData("\"Ranks\":[2]", "\"Ranks\":[-2]")]
    [InlineData("\"Ranks\":[2]", "\"Ranks\":[]")]
    [InlineData("\"Method\":\"Cp\"", "\"Method\":\"Tucker\"")]
    [InlineData("\"Method\":\"Cp\"", "\"Method\":\"None such\"")]
    [InlineData("\"Name\":\"a.weight\"", "\"Name\":\"b.weight\"")]
    public void A_record_that_does_not_fit_the_factors(string good, string bad)
    {
        Assert.Contains(good, Good, StringComparison.Ordinal);
        string record = Good.Replace(good, bad, StringComparison.Ordinal);
        Assert.Equal(CoreErrors.FactorsInconsistent, Id(() => Merge(record)));
        // It can be listed all the same.
        using Model model = Model.Open(new ModelSource(_folder["odd/m.safetensors"], "m"));
        Assert.Equal(4, model.Layers.Count);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{"Version":1,"Source":"m","Rule":"Cp","Seed":0,"Tensors":[null]}""")]
    [InlineData("""{"Version":1,"Source":"m","Rule":"Cp","Seed":0,"Tensors":null}""")]
    [InlineData("""{"Version":1,"Source":"m","Rule":"Cp","Seed":0,"Tensors":[{"Name":"a.weight"}]}""")]
    public void A_record_that_is_damaged(string record)
    {
        Assert.Equal(FormatErrors.HeaderInvalid, Id(() => Merge(record)));
    }

    private MergeResult Merge(string record)
    {
        TestModel.Write(_folder["odd/m.safetensors"], new Dictionary<string, string> { [DecompositionRecord.MetadataKey] = record },
            TestModel.Random("a.weight.weights", 1, 2), TestModel.Random("a.weight.factor0", 2, 4, 2), TestModel.Random("a.weight.factor1", 3, 5, 2), TestModel.Random("a.weight.factor2", 4, 6, 2));
        return new MergeModel(new MergeOptions { OutputPath = _folder["merged"], Force = true }).Run(new ModelSource(_folder["odd/m.safetensors"], "m"));
    }
}

using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Output;

/// <summary>Names of outputs that ask for what is not written.</summary>
public sealed class OutputNameTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("out.onnx", CoreErrors.OptionInvalid)]
    [InlineData("out.GGUF", CoreErrors.OptionInvalid)]
    [InlineData("README.md", CoreErrors.OutputNotWritable)]
    public void A_file_of_another_kind_is_no_output(string output, string error)
    {
        File.WriteAllText(_folder["README.md"], "Mine.");
        string[] before = Directory.GetFileSystemEntries(_folder.Path);
        ModelSource model = Model();
        Assert.Equal(error, Error(() => new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(2), OutputPath = _folder[output], Force = true }).Run(model)));
        Assert.Equal(before.Append(_folder["model.safetensors"]).Order(StringComparer.Ordinal), Directory.GetFileSystemEntries(_folder.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_copy_is_not_written_where_nothing_would_be_factorized()
    {
        ModelSource model = Model();
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(99), OutputPath = _folder["out"] };
        Assert.Equal(CoreErrors.NothingToFactorize, Error(() => new FactorizeModel(options).Run(model)));
        Assert.False(Directory.Exists(_folder["out"]));
        Assert.All(new FactorizeModel(options with { WhatIf = true }).Run(model).Layers, l => Assert.Equal(KeepReason.BreakEven, l.Reason));
    }

    private ModelSource Model() => new(TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20)), "model");

    private static string Error(Action action) => Assert.ThrowsAny<LowRankToolsException>(action).ErrorId;
}

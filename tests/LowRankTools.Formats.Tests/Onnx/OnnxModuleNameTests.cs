using System.Runtime.InteropServices;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Weights that an exporter only numbered are listed as the module's that they were, and turned as its weight is.</summary>
public sealed class OnnxModuleNameTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("927", "MatMul_34")]
    [InlineData("onnx::MatMul_927", "")]
    [InlineData("val_12", "")]
    public void The_bias_behind_the_product_tells_the_module(string weight, string node)
    {
        using TensorFile file = Open(Weight(weight, 3, 4), Weight("a.b.bias", 4), Product(weight, node), Node("Add", ["a.b.bias", "h"], ["y"]));
        TensorInfo named = file.Tensors.Single(t => t.Name == "a.b.weight");
        Assert.Equal([4L, 3L], named.Shape.ToArray());
        Assert.Equal(TensorRole.LinearWeight, named.Role);
        float[] values = new float[12], stored = Ramp(3, 4);
        file.ReadSingles(named, 0, values);
        Assert.Equal(Enumerable.Range(0, 4).SelectMany(o => Enumerable.Range(0, 3).Select(i => stored[i * 4 + o])), values);
        Assert.Equal(["a.b.weight"], ((OnnxFile)file).ReplaceableWeights);
        // A part in the middle of a row too.
        float[] two = new float[2];
        file.ReadSingles(named, 4, two);
        Assert.Equal(values[4..6], two);
    }

    [Fact]
    public void Without_a_bias_the_nodes_path_tells_it()
    {
        using TensorFile file = Open(Weight("onnx::MatMul_7", 3, 4), Product("onnx::MatMul_7", "/encoder/layer.0/query/MatMul"));
        Assert.Equal(["encoder.layer.0.query.weight"], file.Tensors.Select(t => t.Name));
    }

    [Theory]
    [InlineData("w", "/a/MatMul", "a.bias", 4L)]
    [InlineData("927", "MatMul_34", "beta", 4L)]
    [InlineData("927", "MatMul_34", "a.bias", 3L)]
    [InlineData("927", "MatMul_34", ".bias", 4L)]
    public void A_name_that_is_one_stays_and_so_does_what_nothing_tells(string weight, string node, string bias, long outputs)
    {
        using TensorFile file = Open(Weight(weight, 3, 4), Weight(bias, outputs), Product(weight, node), Node("Add", [bias, "h"], ["y"]));
        TensorInfo same = file.Tensors.Single(t => t.Name == weight);
        Assert.Equal(([3, 4], TensorRole.MatMulRight), (same.Shape.ToArray(), same.Role), EqualityComparer<(long[], TensorRole)>.Create((x, y) => x.Item1.SequenceEqual(y.Item1) && x.Item2 == y.Item2));
    }

    [Fact]
    public void A_name_that_is_taken_and_a_weight_with_two_uses_stay()
    {
        using TensorFile taken = Open(Weight("927", 3, 4), Weight("a.bias", 4), Weight("a.weight", 2, 2), Product("927", ""), Node("Add", ["h", "a.bias"], ["y"]));
        Assert.Equal(["927", "a.bias", "a.weight"], taken.Tensors.Select(t => t.Name).Order());
        using TensorFile twice = Open(Weight("927", 3, 4), Weight("a.bias", 4), Product("927", ""), Node("Add", ["h", "a.bias"], ["y"]), Node("MatMul", ["z", "927"], ["q"]));
        Assert.Contains(twice.Tensors, t => t.Name == "927");
        using TensorFile both = Open(Weight("1", 3, 4), Weight("2", 3, 4), Weight("a.bias", 4), Product("1", ""), Node("Add", ["h", "a.bias"], ["y"]), Node("MatMul", ["z", "2"], ["q"]), Node("Add", ["q", "a.bias"], ["r"]));
        Assert.Equal(["2", "a.bias", "a.weight"], both.Tensors.Select(t => t.Name).Order());
    }

    [Fact]
    public void Values_in_a_data_file_are_turned_too()
    {
        File.WriteAllBytes(_folder["values.bin"], [.. new byte[8], .. MemoryMarshal.AsBytes<float>(Ramp(3, 4))]);
        using TensorFile file = Open(Initializer(Tensor("927", Float, [3, 4], t => t.Message(13, e => e.Text(1, "location").Text(2, "values.bin")).Message(13, e => e.Text(1, "offset").Text(2, "8")).Varint(14, 1))),
            Weight("a.bias", 4), Product("927", ""), Node("Add", ["h", "a.bias"], ["y"]));
        float[] values = new float[12];
        file.ReadSingles(file.Tensors.Single(t => t.Name == "a.weight"), 0, values);
        Assert.Equal([Ramp(3, 4)[0], Ramp(3, 4)[4], Ramp(3, 4)[8]], values[..3]);
    }

    [RealModelFact(RealModels.MiniLm)]
    public void Every_matrix_of_a_published_encoder_has_the_name_of_its_module()
    {
        using TensorFile file = TensorFiles.Open(RealModels.Path(RealModels.MiniLm));
        string[] modules = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"];
        foreach (string module in Enumerable.Range(0, 6).SelectMany(i => modules.Select(m => $"encoder.layer.{i}.{m}")))
        {
            TensorInfo weight = file.Tensors.Single(t => t.Name == module + ".weight"), bias = file.Tensors.Single(t => t.Name == module + ".bias");
            Assert.Equal(TensorRole.LinearWeight, weight.Role);
            Assert.Equal(bias.Shape[0], weight.Shape[0]);
        }
        Assert.DoesNotContain(file.Tensors, t => t.Role == TensorRole.MatMulRight);
    }

    private static Action<ProtoWriter> Product(string weight, string node) => Node("MatMul", ["x", weight], ["h"], n => n.Text(3, node));

    private TensorFile Open(params Action<ProtoWriter>[] parts)
    {
        File.WriteAllBytes(_folder["m.onnx"], Model(parts));
        return TensorFiles.Open(_folder["m.onnx"]);
    }
}

using System.Runtime.InteropServices;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tests.Graphs;
using LowRankTools.Formats.OnnxAdapters;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Numerics;
using Microsoft.ML.OnnxRuntime;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Adapter files of ONNX Runtime, written, read, and put to graphs by ONNX Runtime itself.</summary>
public sealed class OnnxRuntimeAdapterTests : IDisposable
{
    private const int In = 20, Out = 30, Tokens = 5;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Peft(params (string Name, long[] Shape, float[] Values)[] more) => TestAdapter.Peft(_folder["peft"], """{"r":4,"lora_alpha":6,"rank_pattern":{"proj":2}}""",
        [.. TestAdapter.PeftModule("l.fc", 1, Out, 4, In), .. TestAdapter.PeftModule("l.proj", 2, In, 2, Out), .. more]);

    private AdapterResult Convert(ModelSource source, string output, AdapterRank? rank = null, TensorDType? type = null) =>
        new ConvertAdapter(rank, new() { OutputPath = _folder[output], DType = type, Force = true }).Run(source, null);

    [Theory]
    [InlineData(TensorDType.F32, 1e-5)]
    [InlineData(TensorDType.F16, 2e-3)]
    public void ONNX_Runtime_answers_as_with_the_deltas_in_the_weights(TensorDType type, double share)
    {
        ModelSource peft = Peft();
        AdapterResult result = Convert(peft, "style.onnx_adapter", type: type);
        Assert.Equal((AdapterLayout.OnnxRuntime, _folder["style.onnx_adapter"]), (result.Layout, result.Path));
        float[] w = TestModel.Random("w", 7, In, Out).Values, v = TestModel.Random("v", 8, Out, In).Values, x = TestModel.Random("x", 9, Tokens, In).Values;
        string graph = Graph(w, v, type);
        double[] expected = Expected(peft, w, v, x);
        float[] adapted = Run(graph, x, result.Path), plain = Run(graph, x, null);
        Assert.InRange(TestAdapter.Distance(expected, adapted.Select(a => (double)a)) / TestAdapter.Norm(expected), 0, share);
        Assert.True(TestAdapter.Distance(expected, plain.Select(a => (double)a)) / TestAdapter.Norm(expected) > 0.1, "the adapter changes nothing: the comparison shows nothing");
    }

    [Theory]
    [InlineData("{0}.lora_{1}.weight", TensorDType.F32, 1e-5)]
    [InlineData("base_model.model.model.{0}.lora_{1}.MatMul.weight", TensorDType.F32, 1e-5)]
    [InlineData("model.{0}.lora_{1}.MatMul.weight", TensorDType.F16, 2e-3)]
    public void With_the_graph_factors_are_called_as_its_inputs_and_are_of_their_type(string inputs, TensorDType type, double share)
    {
        ModelSource peft = Peft();
        float[] w = TestModel.Random("w", 7, In, Out).Values, v = TestModel.Random("v", 8, Out, In).Values, x = TestModel.Random("x", 9, Tokens, In).Values;
        string graph = Graph(w, v, type, inputs);
        AdapterResult result = ForGraph(peft, graph);
        using (OnnxAdapterFile file = new(result.Path))
        {
            Assert.Equal([Name(inputs, "l.fc", "A"), Name(inputs, "l.fc", "B"), Name(inputs, "l.proj", "A"), Name(inputs, "l.proj", "B")], file.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
            Assert.All(file.Tensors, t => Assert.Equal(type, t.DType));
        }
        double[] expected = Expected(peft, w, v, x);
        float[] adapted = Run(graph, x, result.Path), plain = Run(graph, x, null);
        Assert.InRange(TestAdapter.Distance(expected, adapted.Select(a => (double)a)) / TestAdapter.Norm(expected), 0, share);
        Assert.True(TestAdapter.Distance(expected, plain.Select(a => (double)a)) / TestAdapter.Norm(expected) > 0.1, "the adapter changes nothing: the comparison shows nothing");
    }

    [Fact]
    public void A_graph_that_has_no_such_inputs_is_refused_before_anything_is_written()
    {
        float[] w = TestModel.Random("w", 7, In, Out).Values, v = TestModel.Random("v", 8, Out, In).Values;
        string graph = Graph(w, v, TensorDType.F32);
        string Id(ModelSource adapter, string of, TensorDType? type = null) => Assert.Throws<LowRankToolsException>(() => ForGraph(adapter, of, type)).ErrorId;
        ModelSource more = Peft(TestAdapter.PeftModule("l.other", 3, Out, 4, In));
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Id(more, graph));
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Id(Peft(), GraphModel.Write(_folder["none/model.onnx"]).Path));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Peft(), graph, TensorDType.F16));
        // A has the rank that the graph fixes, or another.
        string fixedRank = Graph(w, v, TensorDType.F32, rank: 3);
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Id(Peft(), fixedRank));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.onnx_adapter"));
        ModelSource three = new(new ResizeAdapter(new AdapterRank.Fixed(3), new() { OutputPath = _folder["three"] }).Run(Peft()).Path, "three");
        using (Adapter small = Adapter.Open(three))
            Assert.Equal([3, 2], small.Modules.Select(m => m.Rank));
        Assert.True(ForGraph(three, fixedRank).Written);
    }

    [Fact]
    public void It_is_read_as_any_other_adapter()
    {
        ModelSource peft = Peft();
        Dictionary<string, double[]> before = TestAdapter.Deltas(peft.Path);
        string path = Convert(peft, "a.onnx_adapter").Path;
        AssertSame(before, TestAdapter.Deltas(path), 1e-6);
        AssertSame(before, TestAdapter.Deltas(Convert(TestAdapter.Source(path), "again").Path), 1e-6);
        AssertSame(before, TestAdapter.Deltas(Convert(TestAdapter.Source(path), "k.safetensors").Path), 1e-6);
        AdapterSummary summary = CountParameters.Run(TestAdapter.Source(path)).Adapter!;
        Assert.Equal((AdapterLayout.OnnxRuntime, 2, 2, 4), (summary.Layout, summary.Modules, summary.LeastRank, summary.MostRank));
        AdapterResult smaller = new ResizeAdapter(new AdapterRank.Fixed(1), new() { OutputPath = _folder["small.onnx_adapter"] }).Run(TestAdapter.Source(path));
        Assert.All(TestAdapter.Deltas(smaller.Path), d => Assert.Equal(before[d.Key].Length, d.Value.Length));
        ModelSource model = new(TestModel.Write(_folder["m.safetensors"], TestModel.Random("l.fc.weight", 5, Out, In), TestModel.Random("l.proj.weight", 6, In, Out)), "m");
        float[] Merged(ModelSource adapter) => TestModel.Read(new MergeAdapter(new() { OutputPath = _folder["merged.safetensors"], Force = true }).Run(model, adapter).Path)["l.fc.weight"].Values;
        Assert.InRange(TestModel.RelativeError(Merged(peft), [.. Merged(TestAdapter.Source(path)).Select(m => (double)m)]), 0, 1e-6);
    }

    [Fact]
    public void What_is_no_matrix_product_is_refused()
    {
        ModelSource convolution = new(TestModel.Write(_folder["c.safetensors"], TestModel.Random("conv.lora_down.weight", 3, 2, 5, 3, 3), TestModel.Random("conv.lora_up.weight", 4, 6, 2, 1, 1)), "c");
        Assert.Equal(CoreErrors.AdapterUnsupported, Assert.Throws<LowRankToolsException>(() => Convert(convolution, "c.onnx_adapter")).ErrorId);
        (float[] a, float[] b) = TestAdapter.Factors(6, 8, 4, 40);
        ModelSource embedding = Peft(("base_model.model.emb.lora_embedding_A", [4, 40], a), ("base_model.model.emb.lora_embedding_B", [8, 4], b));
        Assert.Equal(CoreErrors.AdapterUnsupported, Assert.Throws<LowRankToolsException>(() => Convert(embedding, "e.onnx_adapter")).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(new AdapterOutputOptions { OutputPath = _folder["a.onnx_adapter"], Layout = AdapterLayout.Kohya }.Validate).ErrorId);
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.onnx_adapter"));
    }

    private AdapterResult ForGraph(ModelSource source, string graph, TensorDType? type = null) =>
        new ConvertAdapter(null, new() { OutputPath = _folder["for-graph.onnx_adapter"], DType = type, Force = true }).Run(source, new ModelSource(graph, "graph"));

    private static string Name(string format, string module, string part) => string.Format(System.Globalization.CultureInfo.InvariantCulture, format, module, part);

    // The graph stores (in, out), a delta is (out, in).
    private static double[] Expected(ModelSource peft, float[] w, float[] v, float[] x)
    {
        Dictionary<string, double[]> deltas = TestAdapter.Deltas(peft.Path);
        double[] hidden = [.. TestModel.Multiply(x, Plus(w, deltas["l.fc"], In, Out), Tokens, In, Out).Select(Math.Tanh)];
        return [.. TestModel.Multiply([.. hidden.Select(h => (float)h)], Plus(v, deltas["l.proj"], Out, In), Tokens, Out, In)];
    }

    private static void AssertSame(Dictionary<string, double[]> before, Dictionary<string, double[]> after, double share)
    {
        Assert.Equal(before.Keys, after.Keys);
        Assert.All(before, b => Assert.InRange(TestAdapter.Distance(b.Value, after[b.Key]) / TestAdapter.Norm(b.Value), 0, share));
    }

    private static float[] Plus(float[] weight, double[] delta, int inputs, int outputs) => [.. weight.Select((w, i) => (float)(w + delta[(i % outputs * inputs) + (i / outputs)]))];

    // y = tanh(x W + (x A) B) V + (h C) D, with A to D as inputs that have zeros where nothing is given.
    private string Graph(float[] w, float[] v, TensorDType type, string inputs = "{0}.lora_{1}.weight", int? rank = null)
    {
        const int Half = 10, IntType = 2;
        bool half = type == TensorDType.F16;
        Action<ProtoWriter> Weight(string name, int rows, int columns, float[] values) => Initializer(Tensor(name, Float, [rows, columns], t => t.Bytes(9, MemoryMarshal.AsBytes<float>(values).ToArray())));
        Action<ProtoWriter>[] Factor(string name, object rows, object columns) =>
        [
            Initializer(Tensor(name, half ? Half : Float, [rows is int r ? r : 1, columns is int c ? c : 1], t => t.Bytes(9, new byte[(rows is int p ? p : 1) * (columns is int q ? q : 1) * (half ? 2 : 4)]))),
            GraphModel.Value(11, name, half ? Half : Float, rows, columns), Node("Cast", [name], [name + "/f"], Attribute("to", a => a.Varint(3, Float).Varint(20, IntType))),
        ];
        Action<ProtoWriter>[] Layer(string x, string weight, string module, string y) =>
        [
            Node("MatMul", [x, weight], [y + "/w"]), Node("MatMul", [x, Name(inputs, module, "A") + "/f"], [y + "/a"]), Node("MatMul", [y + "/a", Name(inputs, module, "B") + "/f"], [y + "/b"]), Node("Add", [y + "/w", y + "/b"], [y]),
        ];
        ProtoWriter writer = new();
        writer.Varint(1, 8).Text(2, "test").Message(8, opset => opset.Text(1, "").Varint(2, 13));
        writer.Message(7, graph => Each(graph, [g => g.Text(2, "graph"), Weight("w", In, Out, w), Weight("v", Out, In, v), GraphModel.Value(11, "x", Float, "n", In),
            .. Factor(Name(inputs, "l.fc", "A"), In, (object?)rank ?? "r"), .. Factor(Name(inputs, "l.fc", "B"), (object?)rank ?? "r", Out), .. Factor(Name(inputs, "l.proj", "A"), Out, "s"), .. Factor(Name(inputs, "l.proj", "B"), "s", In),
            .. Layer("x", "w", "l.fc", "h"), Node("Tanh", ["h"], ["t"]), .. Layer("t", "v", "l.proj", "y"), GraphModel.Value(12, "y", Float, "n", In)]));
        File.WriteAllBytes(_folder["graph.onnx"], writer.ToArray());
        return _folder["graph.onnx"];
    }

    private static float[] Run(string path, float[] x, string? adapter)
    {
        using SessionOptions settings = new();
        using InferenceSession session = new(path, settings);
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(x, [Tokens, In]);
        using RunOptions options = new();
        using OrtLoraAdapter? lora = adapter is null ? null : OrtLoraAdapter.Create(adapter, null);
        if (lora is not null)
            options.AddActiveLoraAdapter(lora);
        using IDisposableReadOnlyCollection<OrtValue> answers = session.Run(options, ["x"], [value], ["y"]);
        return answers[0].GetTensorDataAsSpan<float>().ToArray();
    }
}

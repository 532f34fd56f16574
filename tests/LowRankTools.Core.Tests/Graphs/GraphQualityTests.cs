using System.Runtime.InteropServices;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality.Graphs;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Numerics;
using Microsoft.ML.OnnxRuntime;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Graphs held against their original, run by ONNX Runtime through its interface for C; its package for .NET says what must come out.</summary>
public sealed class GraphQualityTests : IDisposable
{
    private readonly TestFolder _folder = new();

    // Loads the runtime that the package brings, which is then found in the process.
    public GraphQualityTests() => OrtEnv.Instance();

    private string Ids => _folder["ids.safetensors"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Figures_are_those_of_the_answers()
    {
        ModelSource source = GraphModel.Write(_folder["g/model.onnx"]);
        ModelSource small = new(new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(1), OutputPath = _folder["small.onnx"] }).Run(source).Path, "small");
        Write(Ids, "ids", TensorDType.I64, [GraphModel.Tokens], Every<long>(i => i));
        GraphQuality quality = Measure(source, small, new GraphQualityOptions { InputPaths = [Ids, Ids] });

        float[] y = GraphModel.Run(source.Path), x = GraphModel.Run(small.Path);
        double squares = y.Sum(v => (double)v * v), relative = Math.Sqrt(x.Zip(y, (a, b) => Math.Pow((double)a - b, 2)).Sum() / squares);
        double cosine = x.Zip(y, (a, b) => (double)a * b).Sum() / Math.Sqrt(x.Sum(v => (double)v * v) * squares);
        double agreement = Enumerable.Range(0, GraphModel.Tokens).Average(row => Best(x, row) == Best(y, row) ? 1.0 : 0);
        GraphOutputQuality output = Assert.Single(quality.Outputs);
        Assert.True(relative > 0.01, "a rank of one changes nothing: the comparison shows nothing");
        Assert.Equal(relative, output.RelativeError!.Value, 1e-6 * relative);
        Assert.Equal(cosine, output.Cosine!.Value, 1e-6);
        Assert.Equal((2 * GraphModel.Tokens, agreement), (output.Rows, output.Agreement!.Value));
        Assert.Equal(x.Zip(y, (a, b) => Math.Abs((double)a - b)).Max(), output.LargestDifference, 1e-6);
        Assert.Equal((new FileInfo(small.Path).Length, new FileInfo(source.Path).Length), (quality.Bytes, quality.ReferenceBytes));
        Assert.Equal((2, OrtEnv.Instance().GetVersionString()), (quality.Samples, quality.Runtime.Split(' ')[^1]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pair_of_the_weights_own_rank_answers_the_same_and_random_inputs_depend_on_the_seed_alone(bool half)
    {
        ModelSource source = GraphModel.Write(_folder["g/model.onnx"], half: half);
        ModelSource pairs = new(new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(GraphModel.Rank), OutputPath = _folder["pairs.onnx"] }).Run(source).Path, "pairs");
        ModelSource small = new(new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(1), OutputPath = _folder["small.onnx"] }).Run(source).Path, "small");
        GraphQualityOptions random = new() { Samples = 3, InputShapes = Shapes("ids", 7) };
        Assert.InRange(Measure(source, pairs, random).RelativeError!.Value, 0, half ? 1e-2 : 1e-5);
        GraphOutputQuality[] errors = [.. new GraphQualityOptions[] { random, random, random with { Seed = 1 }, random with { ThreadCount = 1 } }.Select(o => Measure(source, small, o).Outputs[0])];
        Assert.Equal(errors[0], errors[1]);
        Assert.NotEqual(errors[0].RelativeError, errors[2].RelativeError);
        Assert.Equal(errors[0].RelativeError!.Value, errors[3].RelativeError!.Value, 1e-4);
        Assert.Equal($"7 x {GraphModel.Classes}", errors[0].Shape);
    }

    [Fact]
    public void Floats_of_another_width_are_converted_and_whole_numbers_are_not()
    {
        ModelSource source = Identity("half.onnx", 10);
        Write(_folder["x.safetensors"], "x", TensorDType.F32, [1, 4], [0.5f, -2, 3, 0.25f]);
        GraphQuality quality = Measure(source, source, new GraphQualityOptions { InputPaths = [_folder["x.safetensors"]] });
        Assert.Equal((3.0, 0.0, 1.0), (quality.Outputs[0].LargestValue, quality.Outputs[0].LargestDifference, quality.Outputs[0].Cosine));
        Write(_folder["i.safetensors"], "x", TensorDType.I32, [1, 4], [1, 2, 3, 4]);
        AssertError(CoreErrors.InputInvalid, source, source, new GraphQualityOptions { InputPaths = [_folder["i.safetensors"]] });
    }

    [Fact]
    public void What_graphs_are_given_has_to_fit()
    {
        ModelSource source = GraphModel.Write(_folder["g/model.onnx"]);
        Write(_folder["other.safetensors"], "tokens", TensorDType.I64, [4], Every<long>(i => i, 4));
        Write(_folder["matrix.safetensors"], "ids", TensorDType.I64, [2, 2], Every<long>(i => i, 4));
        Write(_folder["far.safetensors"], "ids", TensorDType.I64, [1], [(long)GraphModel.Tokens]);
        AssertError(CoreErrors.InputMissing, source, source, new GraphQualityOptions { InputPaths = [_folder["other.safetensors"]] });
        AssertError(CoreErrors.InputInvalid, source, source, new GraphQualityOptions { InputPaths = [_folder["matrix.safetensors"]] });
        AssertError(CoreErrors.GraphNotRun, source, source, new GraphQualityOptions { InputPaths = [_folder["far.safetensors"]] });
        AssertError(CoreErrors.InputInvalid, source, source, new GraphQualityOptions { InputShapes = Shapes("ids", 2, 2) });
        AssertError(CoreErrors.InputInvalid, source, source, new GraphQualityOptions { InputShapes = Shapes("tokens", 2) });
        AssertError(CoreErrors.InputInvalid, source, source, new GraphQualityOptions { InputShapes = Shapes("ids", long.MaxValue) });
        AssertError(CoreErrors.PathNotFound, source, source, new GraphQualityOptions { InputPaths = [_folder["none.safetensors"]] });
        AssertError(CoreErrors.OptionInvalid, source, source, new GraphQualityOptions { InputPaths = [_folder["other.safetensors"]], Samples = 2 });
        ModelSource open = Identity("open.onnx", OnnxBuilder.Float, "n", "m");
        AssertError(CoreErrors.InputMissing, open, open, new GraphQualityOptions());
    }

    [Fact]
    public void Graphs_have_to_read_and_answer_the_same()
    {
        ModelSource source = GraphModel.Write(_folder["g/model.onnx"]), other = Identity("other.onnx", OnnxBuilder.Float), half = Identity("half.onnx", 10);
        AssertError(CoreErrors.GraphsDiffer, source, other, new GraphQualityOptions());
        AssertError(CoreErrors.GraphsDiffer, other, half, new GraphQualityOptions());
        File.WriteAllBytes(_folder["bad.onnx"], OnnxBuilder.Model(Node("NoSuchOperator", ["x"], ["y"]), GraphModel.Value(11, "x", OnnxBuilder.Float, 1), GraphModel.Value(12, "y", OnnxBuilder.Float, 1), Weight("w", 2)));
        AssertError(CoreErrors.GraphNotRun, new ModelSource(_folder["bad.onnx"], "bad"), source, new GraphQualityOptions());
    }

    [Fact]
    public void Answers_that_are_no_numbers_are_an_error()
    {
        File.WriteAllBytes(_folder["log.onnx"], OnnxBuilder.Model(Node("Log", ["x"], ["y"]), GraphModel.Value(11, "x", OnnxBuilder.Float, 1, 4), GraphModel.Value(12, "y", OnnxBuilder.Float, 1, 4), Weight("w", 2)));
        Write(_folder["x.safetensors"], "x", TensorDType.F32, [1, 4], [1f, 2, -1, 1]);
        ModelSource source = new(_folder["log.onnx"], "log");
        AssertError(CoreErrors.NonFiniteValues, source, source, new GraphQualityOptions { InputPaths = [_folder["x.safetensors"]] });
    }

    [Theory]
    [InlineData("1 1 0 1 2 2 0", "1 1 2")]
    [InlineData("0 0 0", "")]
    [InlineData("3 3 3", "3")]
    [InlineData("1 2 1", "1 2 1")]
    public void Repetitions_are_one_and_blanks_are_left_out(string steps, string text)
    {
        int[] classes = [.. steps.Split(' ').Select(int.Parse)];
        double[] scores = [.. classes.SelectMany(c => Enumerable.Range(0, 4).Select(i => i == c ? 1.0 : 0))];
        Assert.Equal(text, string.Join(' ', Assert.Single(CtcCharacters.Decode(scores, [1, classes.Length, 4]))));
    }

    [Fact]
    public void Distances_are_a_metric_and_count_edits()
    {
        Random random = new(1);
        int[][] texts = [[], .. Enumerable.Range(0, 30).Select(_ => Enumerable.Range(0, random.Next(8)).Select(_ => random.Next(3)).ToArray())];
        foreach (int[] a in texts)
        {
            Assert.Equal(a.Length, CtcCharacters.Distance(a, []));
            Assert.Equal(1, CtcCharacters.Distance([.. a, 9], a));
            foreach (int[] b in texts)
            {
                int distance = CtcCharacters.Distance(a, b);
                Assert.Equal(distance == 0, a.SequenceEqual(b));
                Assert.Equal(distance, CtcCharacters.Distance(b, a));
                Assert.All(texts, c => Assert.True(distance <= CtcCharacters.Distance(a, c) + CtcCharacters.Distance(c, b)));
            }
        }
    }

    [Fact]
    public void Characters_have_to_be_those_of_an_output()
    {
        ModelSource source = Identity("scores.onnx", OnnxBuilder.Float, 2, 3, 4);
        File.WriteAllText(_folder["three.txt"], "a\r\n\u3000\r\nc\n");
        File.WriteAllText(_folder["two.txt"], "a\nb");
        File.WriteAllText(_folder["one.txt"], "a");
        File.WriteAllBytes(_folder["bad.txt"], [0xff, 0x0a]);
        float[] scores = [.. new[] { 1, 0, 2, 3, 3, 1 }.SelectMany(c => Enumerable.Range(0, 4).Select(i => i == c ? 1f : 0))];
        Write(_folder["x.safetensors"], "x", TensorDType.F32, [2, 3, 4], scores);
        GraphQualityOptions options = new() { InputPaths = [_folder["x.safetensors"]], CharacterPath = _folder["three.txt"] };
        GraphQuality quality = Measure(source, source, options);
        Assert.Equal(["a\u3000", "ca"], quality.Texts.Select(t => t.Text));
        Assert.Equal((1.0, 0.0), (quality.EqualTexts, quality.CharacterErrorRate));
        // The class after the last character is a blank between words.
        Assert.Equal(["ab", " a"], Measure(source, source, options with { CharacterPath = _folder["two.txt"] }).Texts.Select(t => t.Reference));
        AssertError(CoreErrors.CharactersDoNotFit, source, source, options with { CharacterPath = _folder["one.txt"] });
        AssertError(CoreErrors.TextInvalid, source, source, options with { CharacterPath = _folder["bad.txt"] });
        ModelSource graph = GraphModel.Write(_folder["g/model.onnx"]);
        AssertError(CoreErrors.CharactersDoNotFit, graph, graph, new GraphQualityOptions { CharacterPath = _folder["three.txt"] });
    }

    [RealModelFact(RealModels.OcrRecognizer)]
    public void A_recognizer_reads_a_picture_and_one_of_low_rank_is_told_by_what_it_reads()
    {
        ModelSource source = new(RealModels.Path(RealModels.OcrRecognizer), "ocr");
        string characters = Path.Combine(Path.GetDirectoryName(source.Path)!, "ppocr_keys_v1.txt");
        string[] inputs = [.. new[] { "LOW RANK", "FACTOR 48" }.Select((text, i) =>
        {
            float[] picture = TextPicture.Of(text, 320);
            Write(_folder[$"{i}.safetensors"], "x", TensorDType.F32, [1, 3, TextPicture.Height, 320], picture);
            return _folder[$"{i}.safetensors"];
        })];
        GraphQualityOptions options = new() { InputPaths = inputs, CharacterPath = characters };
        GraphQuality Of(double ratio) => Measure(source, new(new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(ratio), OutputPath = _folder[$"{ratio}.onnx"] }).Run(source).Path, "small"), options);
        GraphQuality some = Of(0.8), little = Of(0.3);
        Assert.Equal("LOW RANK", some.Texts[0].Reference.Trim());
        Assert.True(little.CharacterErrorRate > some.CharacterErrorRate);
        Assert.True(little.RelativeError > some.RelativeError && little.Agreement < some.Agreement);
    }

    private static int Best(float[] values, int row) => Enumerable.Range(0, GraphModel.Classes).MaxBy(c => values[row * GraphModel.Classes + c]);

    private static T[] Every<T>(Func<int, T> value, int count = GraphModel.Tokens) => [.. Enumerable.Range(0, count).Select(value)];

    private static Dictionary<string, Dimensions> Shapes(string name, params long[] sizes) => new() { [name] = Dimensions.Of(sizes) };

    private static GraphQuality Measure(ModelSource reference, ModelSource source, GraphQualityOptions options) => new MeasureGraphQuality(options, reference).Run(source);

    private static void AssertError(string id, ModelSource reference, ModelSource source, GraphQualityOptions options) =>
        Assert.Equal(id, Assert.ThrowsAny<LowRankToolsException>(() => Measure(reference, source, options)).ErrorId);

    private ModelSource Identity(string name, int type, params object[] sizes)
    {
        sizes = sizes.Length > 0 ? sizes : [1, 4];
        File.WriteAllBytes(_folder[name], OnnxBuilder.Model(Node("Identity", ["x"], ["y"]), GraphModel.Value(11, "x", type, sizes), GraphModel.Value(12, "y", type, sizes), Weight("w", 2)));
        return new ModelSource(_folder[name], name);
    }

    private static void Write<T>(string path, string name, TensorDType type, long[] sizes, T[] values)
        where T : unmanaged
    {
        byte[] bytes = MemoryMarshal.AsBytes<T>(values).ToArray(), header = System.Text.Encoding.UTF8.GetBytes($$"""{"{{name}}": {"dtype": "{{type}}", "shape": [{{string.Join(',', sizes)}}], "data_offsets": [0, {{bytes.Length}}] } }""");
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)header.Length), .. header, .. bytes]);
    }
}

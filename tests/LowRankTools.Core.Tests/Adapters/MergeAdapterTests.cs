using System.Runtime.InteropServices;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Adapters;

public sealed class MergeAdapterTests : IDisposable
{
    private const string Plain = """{"r":4,"lora_alpha":6}""";
    private const double Scale = 6.0 / 4;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Base(params (string Name, long[] Shape, float[] Values)[] tensors) => new(TestModel.Write(_folder["base.safetensors"], tensors), "base");

    private MergeAdapterResult Merge(ModelSource model, ModelSource adapter, MergeAdapterOptions? options = null) =>
        new MergeAdapter((options ?? new()) with { OutputPath = _folder["merged/m.safetensors"], Force = true }).Run(model, adapter);

    private static float[] Values(string path, string name) => TestModel.Read(path)[name].Values;

    /// <summary>The layer's own forward beside the merged weight's, as PEFT computes both: x W^T + s (x A^T) B^T.</summary>
    private static void AgreesWithForward(float[] merged, float[] weight, double[] delta, int outputs, int inputs)
    {
        float[] x = TestModel.Random("x", 77, inputs).Values;
        double worst = 0, scale = 0;
        for (int o = 0; o < outputs; o++)
        {
            double own = 0, theirs = 0;
            for (int i = 0; i < inputs; i++)
            {
                own += (double)x[i] * merged[o * inputs + i];
                theirs += x[i] * (weight[o * inputs + i] + delta[o * inputs + i]);
            }
            worst = Math.Max(worst, Math.Abs(own - theirs));
            scale = Math.Max(scale, Math.Abs(theirs));
        }
        Assert.InRange(worst / scale, 0, 1e-6);
    }

    [Theory]
    [InlineData("block.0.fc", "block.0.fc.weight")]
    [InlineData("model.block.0.fc", "block.0.fc.weight")]
    [InlineData("block.0.fc", "model.block.0.fc.weight")]
    public void A_merged_layer_answers_as_the_layer_with_its_adapter(string module, string weight)
    {
        ModelSource model = Base(TestModel.Random(weight, 1, 20, 12), TestModel.Random(weight.Replace("weight", "bias"), 2, 20), TestModel.Random("other.weight", 3, 9, 9));
        ModelSource adapter = TestAdapter.Peft(_folder["a"], Plain, TestAdapter.PeftModule(module, 5, 20, 4, 12));
        MergeAdapterResult result = Merge(model, adapter);
        AgreesWithForward(Values(result.Path, weight), Values(model.Path, weight), TestAdapter.Deltas(adapter.Path)[module], 20, 12);
        Assert.Equal((1, true, 0.0), (result.MergedLayers, result.Written, result.RoundingError));
        Assert.All(TestModel.Read(model.Path).Where(t => t.Key != weight), t => Assert.Equal(t.Value.Values, Values(result.Path, t.Key)));
    }

    [Theory]
    [InlineData("lora_unet_block_0_fc", "block.0.fc.weight")]
    [InlineData("lora_te_block_0_fc", "model.block.0.fc.weight")]
    [InlineData("unet.block.0.fc", "block.0.fc.weight")]
    public void Names_of_kohya_find_their_modules(string module, string weight)
    {
        ModelSource model = Base(TestModel.Random(weight, 1, 20, 12));
        ModelSource adapter = new(TestModel.Write(_folder["k.safetensors"], TestAdapter.KohyaModule(module, 5, 20, 4, 12, 2)), "k");
        AgreesWithForward(Values(Merge(model, adapter).Path, weight), Values(model.Path, weight), TestAdapter.Deltas(adapter.Path)[module], 20, 12);
    }

    [Fact]
    public void Weights_that_lie_in_by_out_get_the_transpose()
    {
        // The bias tells how c_fc lies, as in GPT-2; an embedding's factors are named so.
        ModelSource model = Base(TestModel.Random("c_fc.weight", 1, 12, 20), TestModel.Random("c_fc.bias", 2, 20), TestModel.Random("wte.weight", 3, 30, 8));
        (float[] a, float[] b) = TestAdapter.Factors(6, 8, 4, 30);
        ModelSource adapter = TestAdapter.Peft(_folder["a"], """{"r":4,"lora_alpha":6,"fan_in_fan_out":true}""",
            [.. TestAdapter.PeftModule("c_fc", 5, 20, 4, 12), ("base_model.model.wte.lora_embedding_A", [4, 30], a), ("base_model.model.wte.lora_embedding_B", [8, 4], b)]);
        string path = Merge(model, adapter).Path;
        Dictionary<string, double[]> deltas = TestAdapter.Deltas(adapter.Path);
        AgreesWithForward(TestModel.Transpose(Values(path, "c_fc.weight"), 12, 20), TestModel.Transpose(Values(model.Path, "c_fc.weight"), 12, 20), deltas["c_fc"], 20, 12);
        AgreesWithForward(TestModel.Transpose(Values(path, "wte.weight"), 30, 8), TestModel.Transpose(Values(model.Path, "wte.weight"), 30, 8), deltas["wte"], 8, 30);
    }

    [Fact]
    public void Convolutions_get_the_product_kernel_by_kernel()
    {
        ModelSource model = Base(TestModel.Random("c.weight", 1, 6, 5, 3, 3), TestModel.Random("p.weight", 2, 6, 5, 1, 1));
        (string, long[], float[])[] pointwise = TestAdapter.KohyaModule("p", 9, 6, 2, 5, 2);
        ModelSource adapter = new(TestModel.Write(_folder["k.safetensors"], [TestModel.Random("c.lora_down.weight", 3, 2, 5, 3, 3), TestModel.Random("c.lora_up.weight", 4, 6, 2, 1, 1), .. pointwise]), "k");
        string path = Merge(model, adapter).Path;
        Dictionary<string, double[]> deltas = TestAdapter.Deltas(adapter.Path);
        AgreesWithForward(Values(path, "c.weight"), Values(model.Path, "c.weight"), deltas["c"], 6, 45);
        AgreesWithForward(Values(path, "p.weight"), Values(model.Path, "p.weight"), deltas["p"], 6, 5);
    }

    [Fact]
    public void A_convolution_of_loralib_is_the_product_in_the_kernels_own_order()
    {
        ModelSource model = Base(TestModel.Random("c.weight", 1, 6, 5, 3, 3));
        (float[] a, float[] b) = TestAdapter.Factors(2, 18, 6, 15);
        ModelSource adapter = new(TestModel.Write(_folder["l.safetensors"], ("c.lora_A", [6, 15], a), ("c.lora_B", [18, 6], b)), "l");
        double[] product = TestModel.Multiply(b, a, 18, 6, 15);
        MergeAdapterResult result = Merge(model, adapter, new() { Alpha = 6 });
        Assert.InRange(TestModel.RelativeError(Values(result.Path, "c.weight"), [.. Values(model.Path, "c.weight").Zip(product, (w, d) => w + d)]), 0, 1e-6);
    }

    [Fact]
    public void Dora_gives_every_row_its_length()
    {
        ModelSource model = Base(TestModel.Random("fc.weight", 1, 20, 12));
        float[] lengths = [.. TestModel.Random("m", 8, 20).Values.Select(v => Math.Abs(v) + 0.1f)];
        ModelSource adapter = TestAdapter.Peft(_folder["a"], Plain, [.. TestAdapter.PeftModule("fc", 5, 20, 4, 12), ("base_model.model.fc.lora_magnitude_vector", [20], lengths)]);
        float[] merged = Values(Merge(model, adapter).Path, "fc.weight"), weight = Values(model.Path, "fc.weight");
        double[] delta = TestAdapter.Deltas(adapter.Path)["fc"];
        for (int o = 0; o < 20; o++)
        {
            double[] row = [.. Enumerable.Range(o * 12, 12).Select(i => weight[i] + delta[i])];
            double factor = lengths[o] / TestAdapter.Norm(row);
            Assert.InRange(TestAdapter.Distance(row.Select(v => v * factor), merged[(o * 12)..(o * 12 + 12)].Select(v => (double)v)) / lengths[o], 0, 1e-6);
        }
        Assert.Equal(CoreErrors.AdapterPartNotCarried, Refusal(model, adapter, new() { Weight = 0.5 }).ErrorId);
    }

    [Fact]
    public void What_was_merged_is_taken_out_again_by_the_opposite_weight()
    {
        ModelSource model = Base(TestModel.Random("fc.weight", 1, 20, 12)), adapter = TestAdapter.Peft(_folder["a"], Plain, TestAdapter.PeftModule("fc", 5, 20, 4, 12));
        string merged = Merge(model, adapter).Path;
        MergeAdapterResult back = new MergeAdapter(new() { OutputPath = _folder["back.safetensors"], Weight = -1 }).Run(new ModelSource(merged, "m"), adapter);
        Assert.InRange(TestModel.RelativeError(Values(model.Path, "fc.weight"), [.. Values(back.Path, "fc.weight").Select(v => (double)v)]), 0, 1e-6);
    }

    [Fact]
    public void Half_precision_stays_and_what_it_rounds_off_is_told()
    {
        ModelSource full = Base(TestModel.Random("fc.weight", 1, 20, 12)), adapter = TestAdapter.Peft(_folder["a"], Plain, TestAdapter.PeftModule("fc", 5, 20, 4, 12));
        string half = _folder["half.safetensors"];
        using (TensorFile source = TensorFiles.Open(full.Path))
        using (SafetensorsModelWriter writer = new(half, [new TensorSpec("fc.weight", TensorDType.BF16, [20, 12])], new Dictionary<string, string>()))
        {
            byte[] bytes = new byte[20 * 12 * 2];
            TensorConversion.FromSingle(TensorDType.BF16, Values(full.Path, "fc.weight"), bytes);
            writer.Begin(new TensorSpec("fc.weight", TensorDType.BF16, [20, 12]));
            writer.Write(bytes);
            writer.Complete();
        }
        MergeAdapterResult result = Merge(new ModelSource(half, "half"), adapter);
        using TensorFile merged = TensorFiles.Open(result.Path);
        Assert.Equal(TensorDType.BF16, Assert.Single(merged.Tensors).DType);
        double[] exact = [.. Values(half, "fc.weight").Zip(TestAdapter.Deltas(adapter.Path)["fc"], (w, d) => w + d)];
        double lost = TestAdapter.Distance(exact, Values(result.Path, "fc.weight").Select(v => (double)v)) / TestAdapter.Norm(exact);
        Assert.Equal(lost, result.RoundingError!.Value, 1e-6);
        // Eight bits of mantissa: half a unit in the last place at most.
        Assert.InRange(lost, 1e-6, Math.Pow(2, -8));
    }

    [Fact]
    public void Float64_keeps_all_its_places()
    {
        double[] weight = [.. Enumerable.Range(0, 240).Select(i => 1 + i * 1e-12)];
        string path = _folder["wide.safetensors"];
        using (SafetensorsModelWriter writer = new(path, [new TensorSpec("fc.weight", TensorDType.F64, [20, 12])], new Dictionary<string, string>()))
        {
            writer.Begin(new TensorSpec("fc.weight", TensorDType.F64, [20, 12]));
            writer.Write(MemoryMarshal.AsBytes<double>(weight));
            writer.Complete();
        }
        (float[] a, float[] b) = (new float[48], new float[80]);
        a[0] = b[0] = 1;
        ModelSource adapter = TestAdapter.Peft(_folder["a"], """{"r":4,"lora_alpha":4}""", ("fc.lora_A.weight", [4, 12], a), ("fc.lora_B.weight", [20, 4], b));
        using TensorFile merged = TensorFiles.Open(Merge(new ModelSource(path, "wide"), adapter).Path);
        byte[] bytes = new byte[240 * sizeof(double)];
        merged.ReadBytes(merged.Tensors[0], 0, bytes);
        Assert.Equal([weight[0] + 1, .. weight[1..]], MemoryMarshal.Cast<byte, double>(bytes).ToArray());
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name_before_anything_is_written()
    {
        ModelSource model = Base(TestModel.Random("fc.weight", 1, 20, 12), TestModel.Random("norm.weight", 2, 20), TestModel.Random("a_b.weight", 3, 8, 8), TestModel.Random("a.b.weight", 4, 8, 8));
        (string Module, int Out, int In)[] wrong = [("nowhere", 20, 12), ("fc", 20, 13), ("fc", 12, 20), ("fc", 21, 12), ("norm", 20, 12)];
        foreach ((string module, int outputs, int inputs) in wrong)
        {
            LowRankToolsException error = Refusal(model, TestAdapter.Peft(_folder["a"], Plain, TestAdapter.PeftModule(module, 5, outputs, 4, inputs)));
            Assert.Equal(CoreErrors.AdapterDoesNotFit, error.ErrorId);
            Assert.Contains($"'{module}'", error.Message, StringComparison.Ordinal);
        }
        ModelSource ambiguous = new(TestModel.Write(_folder["k.safetensors"], TestAdapter.KohyaModule("lora_unet_a_b", 1, 8, 2, 8, 2)), "k");
        // One of the two is called exactly so.
        Assert.Equal(1, Merge(model, ambiguous).MergedLayers);
        ModelSource both = new(TestModel.Write(_folder["k2.safetensors"], [.. TestAdapter.KohyaModule("fc", 1, 20, 2, 12, 2), .. TestAdapter.KohyaModule("lora_te_fc", 2, 20, 2, 12, 2)]), "k2");
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Refusal(model, both).ErrorId);
    }

    [Theory]
    [InlineData("base_model.model.fc.bias", 20)]
    [InlineData("base_model.model.fc.lora_B.bias", 20)]
    [InlineData("base_model.model.head.modules_to_save.weight", 5)]
    public void What_cannot_be_merged_exactly_is_refused(string part, int length)
    {
        LowRankToolsException error = Refusal(Base(TestModel.Random("fc.weight", 1, 20, 12)), TestAdapter.Peft(_folder["a"], Plain, [.. TestAdapter.PeftModule("fc", 5, 20, 4, 12), TestModel.Random(part, 6, length)]));
        Assert.Equal(CoreErrors.AdapterPartNotCarried, error.ErrorId);
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_that_another_name_shares_is_refused()
    {
        string path = TestModel.Write(_folder["tied.safetensors"], new Dictionary<string, string> { ["head.weight"] = "emb.weight" }, TestModel.Random("emb.weight", 1, 20, 12));
        LowRankToolsException error = Refusal(new ModelSource(path, "tied"), TestAdapter.Peft(_folder["a"], Plain, TestAdapter.PeftModule("head", 5, 20, 4, 12)));
        Assert.Equal(CoreErrors.AdapterDoesNotFit, error.ErrorId);
        Assert.Contains("shares", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_if_writes_nothing_and_says_the_same()
    {
        ModelSource model = Base(TestModel.Random("fc.weight", 1, 20, 12)), adapter = TestAdapter.Peft(_folder["a"], Plain, TestAdapter.PeftModule("fc", 5, 20, 4, 12));
        MergeAdapterResult plan = new MergeAdapter(new() { WhatIf = true }).Run(model, adapter);
        Assert.Equal(_folder["base-a/model.safetensors"], plan.Path);
        Assert.False(Path.Exists(_folder["base-a"]));
        MergeAdapterResult result = new MergeAdapter(new()).Run(model, adapter);
        Assert.Equal((plan.Path, plan.Bytes, plan.Parameters, plan.MergedLayers), (result.Path, result.Bytes, result.Parameters, result.MergedLayers));
    }

    [Fact]
    public void A_cancelled_run_leaves_nothing()
    {
        ModelSource model = Base(TestModel.Random("fc.weight", 1, 20, 12), TestModel.Random("other.weight", 2, 9, 9)), adapter = TestAdapter.Peft(_folder["a"], Plain, TestAdapter.PeftModule("fc", 5, 20, 4, 12));
        Dictionary<string, string> before = TestModel.Snapshot(_folder.Path);
        using CancellationTokenSource stop = new();
        Stopper progress = new(stop);
        Assert.ThrowsAny<OperationCanceledException>(() => new MergeAdapter(new()).Run(model, adapter, progress, stop.Token));
        Assert.Equal(before, TestModel.Snapshot(_folder.Path));
        Assert.False(Path.Exists(_folder["base-a"]));
    }

    private sealed class Stopper(CancellationTokenSource stop) : IProgress<OperationProgress>
    {
        public void Report(OperationProgress value) => stop.Cancel();
    }

    private LowRankToolsException Refusal(ModelSource model, ModelSource adapter, MergeAdapterOptions? options = null)
    {
        Dictionary<string, string> before = TestModel.Snapshot(_folder.Path);
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => Merge(model, adapter, options));
        Assert.Equal(before, TestModel.Snapshot(_folder.Path));
        return error;
    }
}

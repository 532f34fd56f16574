using System.Runtime.InteropServices;
using System.Text.Json;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Demo;
using LowRankTools.Core.Models;
using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Tests.Counting;

public sealed class CountParametersTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ParameterCount Count(params (string Name, long[] Shape, float[] Values)[] tensors) =>
        CountParameters.Run(new ModelSource(TestModel.Write(_folder["m.safetensors"], tensors), "m"), detailed: true);

    [Fact]
    public void A_scalar_counts_one_and_an_empty_tensor_none()
    {
        ParameterCount count = Count(TestModel.Random("scale", 1), TestModel.Random("none", 2, 0, 4));
        Assert.Equal(1, count.Parameters);
        Assert.Equal(2, count.Tensors);
    }

    [Fact]
    public void Buffers_are_listed_and_not_trainable()
    {
        ParameterCount count = Count(TestModel.Random("fc.weight", 1, 4, 3), TestModel.Random("bn.running_mean", 2, 5));
        Assert.Equal((17L, 12L), (count.Parameters, count.TrainableParameters));
        Assert.Equal(2, count.LayerShapes!.Count);
    }

    [Fact]
    public void Shards_of_PyTorch_call_their_storages_alike_and_share_none()
    {
        Dictionary<string, string> map = [];
        foreach ((string name, string shard, int seed) in new[] { ("a.weight", "pytorch_model-00001-of-00002.bin", 1), ("b.weight", "pytorch_model-00002-of-00002.bin", 2) })
        {
            using PyTorchModelWriter writer = new(_folder[shard], new Dictionary<string, string>());
            writer.Begin(new TensorSpec(name, TensorDType.F32, [6, 5]));
            writer.Write(MemoryMarshal.AsBytes<float>(TestModel.Random(name, seed, 6, 5).Values));
            writer.Complete();
            map[name] = shard;
        }
        File.WriteAllText(_folder["pytorch_model.bin.index.json"], JsonSerializer.Serialize(new { weight_map = map }));
        ParameterCount count = CountParameters.Run(new ModelSource(_folder["pytorch_model.bin.index.json"], "m"), detailed: true);
        Assert.Equal(60, count.Parameters);
        Assert.All(count.LayerShapes!, l => Assert.Null(l.TiedTo));
    }

    [Fact]
    public void Totals_are_the_sums_of_their_parts()
    {
        ParameterCount count = Count(TestModel.Random("fc.weight", 1, 8, 6), TestModel.Random("fc.bias", 2, 8), TestModel.Random("norm.weight", 3, 8), TestModel.Random("emb.weight", 4, 10, 6));
        Assert.Equal(count.Parameters, count.ByDType.Values.Sum());
        Assert.Equal(count.Parameters, count.ByKind.Values.Sum());
        Assert.Equal(count.Parameters, count.LayerShapes!.Sum(l => l.Parameters));
        Assert.Equal(count.Parameters * 4, count.RunBytes);
        Assert.Equal(count.Parameters * 2, count.RunBytesFloat16);
        Assert.Equal(count.Parameters * 16, count.TrainBytesAdam);
        Assert.Equal(new FileInfo(_folder["m.safetensors"]).Length, count.Bytes);
        Assert.Equal(2, count.Layers);
    }

    [Fact]
    public void Lists_can_be_indexed_by_scripts() =>
        Assert.IsType<System.Collections.IList>(Count(TestModel.Random("fc.weight", 1, 8, 6)).LayerShapes, exactMatch: false);

    [Fact]
    public void The_seeds_transformer_has_as_many_parameters_as_its_notebook_says()
    {
        string path = DemoTransformer.Write(_folder["demo"]);
        ParameterCount count = CountParameters.Run(new ModelSource(path, "demo"));
        Assert.Equal(45_555_200, count.Parameters);
        Assert.Equal(45_555_200, count.TrainableParameters);
        Assert.Equal(256 * 512, count.TiedParameters);
    }
}

using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tests.Gguf;
using LowRankTools.Formats.Tests.Gguf;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Whatever bytes a GGUF, LoHa or LoKr adapter has: it is converted, or one error of ours says why not and nothing is left.</summary>
public sealed class ConvertFuzzTests : IDisposable
{
    private const int Mutations = 3_000;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Mutated_adapters_in_GGUF_are_converted_or_refused()
    {
        ModelSource source = new GgufBuilder().KeyValue("general.type", "adapter").KeyValue("general.architecture", "llama").KeyValue("adapter.type", "lora").KeyValue("adapter.lora.alpha", 6, BitConverter.GetBytes(3f))
            .With(TestModel.Random("blk.0.attn_q.weight.lora_a", 1, 2, 6)).With(TestModel.Random("blk.0.attn_q.weight.lora_b", 2, 5, 2))
            .With(TestModel.Random("token_embd.weight.lora_a", 3, 7, 3)).With(TestModel.Random("token_embd.weight.lora_b", 4, 4, 3)).Write(_folder["a.gguf"]);
        Mutate(source, _ => 400, "out.gguf");
    }

    [Fact]
    public void Mutated_products_are_converted_or_refused()
    {
        ModelSource source = new(TestModel.Write(_folder["a.safetensors"], TestModel.Random("a.hada_w1_a", 1, 5, 2), TestModel.Random("a.hada_w1_b", 2, 2, 6), TestModel.Random("a.hada_w2_a", 3, 5, 2), TestModel.Random("a.hada_w2_b", 4, 2, 6),
            TestModel.Random("b.lokr_w1", 5, 2, 3), TestModel.Random("b.lokr_w2_a", 6, 3, 1), TestModel.Random("b.lokr_w2_b", 7, 1, 2), ("b.alpha", [], [2f])), "a");
        Mutate(source, bytes => (int)BitConverter.ToInt64(bytes) + 8, "out.safetensors");
    }

    private void Mutate(ModelSource source, Func<byte[], int> header, string output)
    {
        byte[] bytes = File.ReadAllBytes(source.Path);
        ConvertAdapter operation = new(new AdapterRank.Fixed(2), new AdapterOutputOptions { OutputPath = _folder[output], Force = true });
        Random random = new(5);
        int made = 0, refused = 0;
        for (int i = 0; i < Mutations; i++)
        {
            File.WriteAllBytes(source.Path, AdapterFuzzTests.Mutated(bytes, random, random.Next(2) == 0 ? header(bytes) : bytes.Length));
            try
            {
                AdapterResult result = operation.Run(source, null);
                Assert.All(result.Modules, m => Assert.InRange(m.RelativeError, 0, 1));
                File.Delete(result.Path);
                made++;
            }
            catch (LowRankToolsException e)
            {
                Assert.NotEqual("", e.ErrorId);
                refused++;
            }
        }
        Assert.Equal(Mutations, made + refused);
        Assert.True(made > 50 && refused > 50, $"{made} made, {refused} refused");
        Assert.Equal([Path.GetFileName(source.Path)], Directory.EnumerateFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }
}

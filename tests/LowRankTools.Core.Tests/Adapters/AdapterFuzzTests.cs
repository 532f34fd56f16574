using System.Text;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Whatever bytes an adapter has: it is read, or one error of ours says why not.</summary>
public sealed class AdapterFuzzTests : IDisposable
{
    private const int Mutations = 10_000;

    private static readonly string[] s_pieces =
    [
        "lora_A", "lora_B", "lora_mid", "lora_down", "lora_up", ".alpha", "lora_embedding_A", "lora_magnitude_vector", "[]", "[0,4]", "[4]", "[4,4,4]", "-1", "0", "1e999", "null", "true", "\"x\"",
        "{}", "rank_pattern", "alpha_pattern", "(", "(.*", "[a-", "99999999999", "I64", "F16", "BF16", "Q4_0", "hada_w1_a", "hada_w2_b", "hada_t1", "lokr_w1", "lokr_w2_a", "lora_a", "lora_b", "adapter", "general.type",
    ];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Mutated_adapters_are_read_or_refused()
    {
        string config = """{"peft_type":"LORA","r":4,"lora_alpha":6,"use_rslora":false,"rank_pattern":{"b":2},"alpha_pattern":{"(a|b)":3},"init_lora_weights":true}""";
        ModelSource source = TestAdapter.Peft(_folder["a"], config, [.. TestAdapter.PeftModule("a", 1, 5, 4, 6), .. TestAdapter.PeftModule("b", 2, 5, 2, 6),
            .. TestAdapter.KohyaModule("c", 3, 5, 2, 6, 2), TestModel.Random("d.lora_mid.weight", 4, 2, 2, 3, 3), TestModel.Random("d.lora_down.weight", 5, 2, 3, 1, 1), TestModel.Random("d.lora_up.weight", 6, 4, 2, 1, 1), ("d.alpha", [], [1])]);
        string configPath = _folder["a/adapter_config.json"];
        byte[] weights = File.ReadAllBytes(source.Path), json = Encoding.UTF8.GetBytes(config);
        Random random = new(5);
        int read = 0, refused = 0;
        for (int i = 0; i < Mutations; i++)
        {
            bool inConfig = random.Next(2) == 0;
            File.WriteAllBytes(configPath, inConfig ? Mutated(json, random, json.Length) : json);
            // The header is most of what decides; its length stands in the first eight bytes.
            File.WriteAllBytes(source.Path, inConfig ? weights : Mutated(weights, random, (int)BitConverter.ToInt64(weights) + 8));
            try
            {
                using Adapter adapter = Adapter.Open(source);
                foreach (AdapterModule module in adapter.Modules)
                    TestAdapter.Delta(module);
                read++;
            }
            catch (LowRankToolsException e)
            {
                Assert.NotEqual("", e.ErrorId);
                refused++;
            }
        }
        Assert.Equal(Mutations, read + refused);
        Assert.True(read > 100 && refused > 100, $"{read} read, {refused} refused");
    }

    internal static byte[] Mutated(byte[] bytes, Random random, int within)
    {
        byte[] mutated = [.. bytes];
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(within);
            if (random.Next(2) == 0)
            {
                mutated[at] = (byte)random.Next(256);
                continue;
            }
            // Over what is there: lengths stay, so that the change is seen by the adapter's reader and not the file's.
            byte[] piece = Encoding.UTF8.GetBytes(s_pieces[random.Next(s_pieces.Length)]);
            piece.AsSpan(0, Math.Min(piece.Length, mutated.Length - at)).CopyTo(mutated.AsSpan(at));
        }
        return mutated;
    }
}

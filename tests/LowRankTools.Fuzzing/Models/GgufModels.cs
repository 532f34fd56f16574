using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tests.Gguf;
using LowRankTools.Formats.Tests.PyTorch;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Fuzzing.Inputs;

namespace LowRankTools.Fuzzing.Models;

/// <summary>GGUF files with plain and quantised tensors and every kind of metadata, dense and factorized, with pairs of blocks.</summary>
internal static class GgufModels
{
    public static IEnumerable<ModelFiles> All()
    {
        GgufBuilder plain = new GgufBuilder()
            .KeyValue("general.architecture", "llama").KeyValue("general.alignment", 32).KeyValue("flag", 7, [1]).KeyValue("small", 0, [200]).KeyValue("scale", 12, BitConverter.GetBytes(1.5))
            .KeyValue("tokens", 9, GgufBuilder.Array(8, 3, GgufBuilder.Text("a"), GgufBuilder.Text("bc"), GgufBuilder.Text("")))
            .KeyValue("nested", 9, GgufBuilder.Array(9, 2, GgufBuilder.Array(4, 1, [1, 0, 0, 0]), GgufBuilder.Array(0, 2, [7, 8])))
            .Tensor("blk.0.attn_q.weight", [8, 6], 0, T.Floats(48)).Tensor("blk.0.attn_q.bias", [6], 0, T.Floats(6))
            .Tensor("blk.0.ffn_up.weight", [4, 9], 1, new byte[72]).Tensor("output_norm.weight", [5], 0, T.Floats(5));
        yield return new("GGUF", new ModelPart("model.gguf", FileKind.Gguf, plain.Build()));
        GgufBuilder quantised = new GgufBuilder { Version = 2 }
            .KeyValue("general.architecture", "bert")
            .Tensor("blk.0.attn_k.weight", [32, 4], 8, Blocks(34, 4)).Tensor("blk.0.ffn_down.weight", [32, 5], 2, Blocks(18, 5))
            .Tensor("token_embd.weight", [256, 2], 12, Blocks(144, 2)).Tensor("blk.1.ffn_gate.weight", [256, 3], 14, Blocks(210, 3));
        yield return new("GGUF, quantised", new ModelPart("model.gguf", FileKind.Gguf, quantised.Build()));
        // Pairs whose rows fill blocks of 32 on both sides.
        byte[] wide = new GgufBuilder().KeyValue("general.architecture", "llama").Tensor("blk.0.ffn_up.weight", [96, 160], 0, T.Floats(96 * 160)).Tensor("output_norm.weight", [6], 0, T.Floats(6)).Build();
        yield return new("GGUF, factorized in Q8_0", new ModelPart("model.gguf", FileKind.Gguf, Factorized(wide, WeightQuantization.Q8_0)));
        yield return new("GGUF, factorized in Q4_0", new ModelPart("model.gguf", FileKind.Gguf, Factorized(wide, WeightQuantization.Q4_0)));
    }

    private static byte[] Factorized(byte[] model, WeightQuantization quantize)
    {
        using TestFolder folder = new();
        ModelSource source = new(folder.Write("model.gguf", model), "model");
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(32), OutputPath = folder["out"], Format = ModelFormat.Gguf, Quantize = quantize };
        return File.ReadAllBytes(new FactorizeModel(options).Run(source).Path);
    }

    /// <summary>Blocks of small numbers, which are finite scales wherever a type has them.</summary>
    private static byte[] Blocks(int bytes, int count) => [.. Enumerable.Range(0, bytes * count).Select(i => (byte)(i * 29 % 56))];
}

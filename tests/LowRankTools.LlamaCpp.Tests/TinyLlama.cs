using LowRankTools.Core.Models;
using LowRankTools.Core.Tests;
using LowRankTools.Core.Tests.Gguf;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Gguf;

namespace LowRankTools.LlamaCpp.Tests;

/// <summary>
/// A model of llama's architecture with random weights, two layers: as PyTorch's model has it, names and rotary halves and all, with its
/// forward pass written out in float64, and as llama.cpp's converter would store it.
/// </summary>
internal sealed class TinyLlama
{
    public const int Vocabulary = 48, Width = 64, Inner = 96, Layers = 2, Heads = TestGguf.Heads, KeyHeads = TestGguf.KeyHeads, HeadSize = Width / Heads;

    private const double Epsilon = 1e-5, Base = 10_000;

    private static readonly (string Theirs, string Gguf, int Out, int In, int Heads)[] s_parts =
    [
        ("self_attn.q_proj", "attn_q", Width, Width, Heads), ("self_attn.k_proj", "attn_k", KeyHeads * HeadSize, Width, KeyHeads), ("self_attn.v_proj", "attn_v", KeyHeads * HeadSize, Width, 0),
        ("self_attn.o_proj", "attn_output", Width, Width, 0), ("mlp.gate_proj", "ffn_gate", Inner, Width, 0), ("mlp.up_proj", "ffn_up", Inner, Width, 0), ("mlp.down_proj", "ffn_down", Width, Inner, 0),
    ];

    private readonly Dictionary<string, float[]> _weights = new(StringComparer.Ordinal);

    /// <summary>Draws the weights.</summary>
    public TinyLlama()
    {
        _weights["model.embed_tokens"] = TestModel.Random("e", 1, Vocabulary, Width).Values;
        _weights["lm_head"] = Scaled(2, Vocabulary, Width);
        foreach ((string module, int outputs, int inputs) in Modules)
            _weights[module] = Scaled(10 + _weights.Count, outputs, inputs);
        for (int i = 0; i < Layers; i++)
        {
            _weights[$"model.layers.{i}.input_layernorm"] = [.. TestModel.Random("n", 50 + i, Width).Values.Select(v => 1 + 0.2f * v)];
            _weights[$"model.layers.{i}.post_attention_layernorm"] = [.. TestModel.Random("n", 60 + i, Width).Values.Select(v => 1 + 0.2f * v)];
        }
        _weights["model.norm"] = [.. TestModel.Random("n", 70, Width).Values.Select(v => 1 + 0.2f * v)];
    }

    /// <summary>Linear modules as PyTorch's model calls them.</summary>
    public static IEnumerable<(string Module, int Out, int In)> Modules =>
        Enumerable.Range(0, Layers).SelectMany(i => s_parts.Select(p => ($"model.layers.{i}.{p.Theirs}", p.Out, p.In)));

    /// <summary>Adds to a weight, as an adapter does.</summary>
    public void Add(string module, double[] delta) => _weights[module] = [.. _weights[module].Zip(delta, (w, d) => (float)(w + d))];

    /// <summary>Takes the gates of the last hidden units away: they never act.</summary>
    public void Silence(int units)
    {
        for (int layer = 0; layer < Layers; layer++)
            Array.Clear(_weights[$"model.layers.{layer}.mlp.gate_proj"], (Inner - units) * Width, units * Width);
    }

    /// <summary>Empties a pair of features of all queries and keys, and makes the second half of each head's values sums of the first.</summary>
    public void Empty(int pair)
    {
        for (int layer = 0; layer < Layers; layer++)
        {
            foreach (string module in new[] { "q_proj", "k_proj" })
            {
                float[] weight = _weights[$"model.layers.{layer}.self_attn.{module}"];
                for (int row = 0; row < weight.Length / Width; row++)
                {
                    if (row % (HeadSize / 2) == pair)
                        Array.Clear(weight, row * Width, Width);
                }
            }
            float[] values = _weights[$"model.layers.{layer}.self_attn.v_proj"];
            for (int row = 0; row < values.Length / Width; row++)
            {
                for (int j = 0; j < Width && row % HeadSize >= HeadSize / 2; j++)
                    values[row * Width + j] = values[(row - HeadSize / 2) * Width + j];
            }
        }
    }

    /// <summary>Writes the model as llama.cpp reads it, its matrices in an element type.</summary>
    public ModelSource Write(string path, TensorDType type)
    {
        GgufBuilder builder = new GgufBuilder().KeyValue("general.architecture", "llama").KeyValue("llama.attention.head_count", Heads).KeyValue("llama.attention.head_count_kv", KeyHeads)
            .KeyValue("llama.context_length", 64).KeyValue("llama.embedding_length", Width).KeyValue("llama.block_count", Layers)
            .KeyValue("llama.feed_forward_length", Inner).KeyValue("llama.rope.dimension_count", HeadSize).KeyValue("llama.vocab_size", Vocabulary)
            .KeyValue("llama.attention.layer_norm_rms_epsilon", 6, BitConverter.GetBytes((float)Epsilon)).KeyValue("tokenizer.ggml.model", "none");
        builder.With(("token_embd.weight", [Vocabulary, Width], _weights["model.embed_tokens"]), type).With(("output.weight", [Vocabulary, Width], _weights["lm_head"]), type)
            .With(("output_norm.weight", [Width], _weights["model.norm"]));
        for (int i = 0; i < Layers; i++)
        {
            builder.With(($"blk.{i}.attn_norm.weight", [Width], _weights[$"model.layers.{i}.input_layernorm"])).With(($"blk.{i}.ffn_norm.weight", [Width], _weights[$"model.layers.{i}.post_attention_layernorm"]));
            foreach ((string theirs, string gguf, int outputs, int inputs, int heads) in s_parts)
            {
                float[] weight = _weights[$"model.layers.{i}.{theirs}"];
                builder.With(($"blk.{i}.{gguf}.weight", [outputs, inputs], heads > 0 ? TestGguf.Interleave(weight, outputs, inputs, heads) : weight), type);
            }
        }
        return builder.Write(path);
    }

    /// <summary>Logits after every token, as PyTorch's model computes them.</summary>
    public double[][] Forward(int[] tokens)
    {
        double[][] x = [.. tokens.Select(t => Enumerable.Range(0, Width).Select(j => (double)_weights["model.embed_tokens"][t * Width + j]).ToArray())];
        for (int layer = 0; layer < Layers; layer++)
        {
            string name = $"model.layers.{layer}.";
            double[][] normed = [.. x.Select(v => Norm(v, name + "input_layernorm"))];
            double[][] q = Turned(normed, name + "self_attn.q_proj"), k = Turned(normed, name + "self_attn.k_proj"), v = [.. normed.Select(n => Linear(n, name + "self_attn.v_proj"))];
            for (int t = 0; t < x.Length; t++)
                x[t] = Sum(x[t], Linear(Attend(q[t], k, v, t), name + "self_attn.o_proj"));
            for (int t = 0; t < x.Length; t++)
            {
                double[] inner = Norm(x[t], name + "post_attention_layernorm");
                double[] gate = Linear(inner, name + "mlp.gate_proj"), up = Linear(inner, name + "mlp.up_proj");
                x[t] = Sum(x[t], Linear([.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)], name + "mlp.down_proj"));
            }
        }
        return [.. x.Select(v => Linear(Norm(v, "model.norm"), "lm_head"))];
    }

    private static double[] Attend(double[] query, double[][] keys, double[][] values, int last)
    {
        double[] result = new double[Width];
        for (int head = 0; head < Heads; head++)
        {
            int shared = head / (Heads / KeyHeads) * HeadSize;
            double[] weights = [.. Enumerable.Range(0, last + 1).Select(t => Math.Exp(Enumerable.Range(0, HeadSize).Sum(j => query[head * HeadSize + j] * keys[t][shared + j]) / Math.Sqrt(HeadSize)))];
            double sum = weights.Sum();
            for (int t = 0; t <= last; t++)
            {
                for (int j = 0; j < HeadSize; j++)
                    result[head * HeadSize + j] += weights[t] / sum * values[t][shared + j];
            }
        }
        return result;
    }

    // Rotary embedding of PyTorch's model: entry j of a head's first half turns with entry j of the second.
    private double[][] Turned(double[][] inputs, string module) => [.. inputs.Select((input, position) =>
    {
        double[] y = Linear(input, module), turned = new double[y.Length];
        for (int i = 0; i < y.Length; i++)
        {
            int head = i / HeadSize * HeadSize, j = i % HeadSize % (HeadSize / 2);
            double angle = position * Math.Pow(Base, -2.0 * j / HeadSize), first = y[head + j], second = y[head + j + HeadSize / 2];
            turned[i] = i % HeadSize < HeadSize / 2 ? first * Math.Cos(angle) - second * Math.Sin(angle) : second * Math.Cos(angle) + first * Math.Sin(angle);
        }
        return turned;
    })];

    private double[] Norm(double[] x, string name)
    {
        double scale = 1 / Math.Sqrt(x.Average(v => v * v) + Epsilon);
        return [.. x.Zip(_weights[name], (v, w) => v * scale * w)];
    }

    private double[] Linear(double[] x, string name)
    {
        float[] weight = _weights[name];
        return [.. Enumerable.Range(0, weight.Length / x.Length).Select(i => Enumerable.Range(0, x.Length).Sum(j => (double)weight[i * x.Length + j] * x[j]))];
    }

    private static double[] Sum(double[] x, double[] y) => [.. x.Zip(y, (a, b) => a + b)];

    private static float[] Scaled(int seed, int outputs, int inputs) => [.. TestModel.Random("w", seed, outputs, inputs).Values.Select(v => v * 2.5f / MathF.Sqrt(inputs))];
}

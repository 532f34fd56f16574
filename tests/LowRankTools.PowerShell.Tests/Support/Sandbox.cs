using System.Runtime.InteropServices;
using System.Security.Cryptography;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Gguf;
using LowRankTools.Formats.Writing;

namespace LowRankTools.PowerShell.Tests.Support;

/// <summary>A folder of its own for one test, with small models and inputs of one of them, gone afterwards.</summary>
internal sealed class Sandbox : IDisposable
{
    /// <summary>Weights of <c>models/mini</c>: a transformer layer, small.</summary>
    private static readonly (string Name, long[] Shape)[] s_mini =
    [
        ("embed_tokens.weight", [96, 32]),
        ("layer.attention.q.weight", [32, 32]),
        ("layer.attention.k.weight", [32, 32]),
        ("layer.attention.v.weight", [32, 32]),
        ("layer.mlp.up.weight", [128, 32]),
        ("layer.mlp.up.bias", [128]),
        ("layer.mlp.down.weight", [32, 128]),
        ("layer.mlp.down.bias", [32]),
        ("layer.norm.weight", [32]),
    ];

    /// <summary>Weights of <c>models/tiny.safetensors</c>.</summary>
    private static readonly (string Name, long[] Shape)[] s_tiny = [("fc1.weight", [64, 32]), ("fc1.bias", [64]), ("fc2.weight", [32, 64])];

    /// <summary>Weights of <c>chat/base.gguf</c>, and the modules of PyTorch's model that an adapter is for.</summary>
    private static readonly (string Name, string? Module, long[] Shape)[] s_chat =
    [
        ("token_embd.weight", null, [40, 32]), ("blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj", [32, 32]), ("blk.0.attn_v.weight", null, [16, 32]),
        ("blk.0.ffn_up.weight", "model.layers.0.mlp.up_proj", [64, 32]),
    ];

    /// <summary>Rank of the difference between <c>tuned.safetensors</c> and <c>models/tiny.safetensors</c>.</summary>
    public const int TunedRank = 3;

    /// <summary>Components of the kernels in <c>vision</c>.</summary>
    public const int KernelRank = 5;

    public Sandbox()
    {
        WriteModel("models/mini/model.safetensors", s_mini);
        WriteTiny("models/tiny.safetensors");
        WriteTuned("tuned.safetensors");
        WriteAdapter("adapters/style", 0);
        WriteAdapter("adapters/pose", 40);
        WriteVision("vision/model.safetensors");
        WriteChat("chat/base.gguf", TensorDType.F32);
        WriteChat("chat/q8.gguf", TensorDType.Q8_0);
        WriteAdapter("chat/lora", 20, [.. s_chat.Where(w => w.Module is not null).Select(w => (w.Module!, w.Shape[0], w.Shape[1]))]);
        WriteModel("chat/loha.safetensors", ("fc1.hada_w1_a", [64, 4]), ("fc1.hada_w1_b", [4, 32]), ("fc1.hada_w2_a", [64, 4]), ("fc1.hada_w2_b", [4, 32]));
        LowRankTools.Tests.SmallGraph.Write(this["graphs/net.onnx"]);
        WriteModel("calibration.safetensors", ("layer.mlp.up.inputs", [80, 32]), ("layer.mlp.down.inputs", [80, 128]));
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("lowrank-pwsh-").FullName;

    /// <summary>Full path of a name in the folder.</summary>
    public string this[string name] => Path.Combine(Root, name);

    public bool Exists(string name) => File.Exists(this[name]) || Directory.Exists(this[name]);

    public void WriteTiny(string name) => WriteModel(name, s_tiny);

    /// <summary>Writes the small model after a change of rank <see cref="TunedRank"/> to its first matrix.</summary>
    private void WriteTuned(string name)
    {
        WriteTiny(name);
        using FileStream file = new(this[name], FileMode.Open);
        long start = file.Length - s_tiny.Sum(t => t.Shape.Aggregate(1L, (a, b) => a * b)) * sizeof(float);
        float[] values = Values(s_tiny[0].Shape, seed: 0), change = Values(s_tiny[0].Shape, seed: 99, TunedRank);
        for (int i = 0; i < values.Length; i++)
            values[i] += change[i];
        file.Position = start;
        file.Write(MemoryMarshal.AsBytes<float>(values));
    }

    /// <summary>Writes an adapter of rank 4 of <c>models/tiny.safetensors</c> as PEFT does.</summary>
    public void WriteAdapter(string folder, int seed) => WriteAdapter(folder, seed, [("fc1", 64, 32), ("fc2", 32, 64)]);

    private void WriteAdapter(string folder, int seed, (string Name, long Out, long In)[] modules)
    {
        WriteModel($"{folder}/adapter_model.safetensors", seed, [.. modules.SelectMany(m => new (string, long[])[]
        {
            ($"base_model.model.{m.Name}.lora_A.weight", [4, m.In]), ($"base_model.model.{m.Name}.lora_B.weight", [m.Out, 4]),
        })]);
        WriteText($"{folder}/adapter_config.json", """{ "peft_type": "LORA", "r": 4, "lora_alpha": 8 }""");
    }

    private void WriteChat(string name, TensorDType type)
    {
        GgufBuilder builder = new GgufBuilder().KeyValue("general.architecture", "llama").KeyValue("llama.attention.head_count", 4).KeyValue("llama.attention.head_count_kv", 2)
            .KeyValue("tokenizer.ggml.tokens", 9, GgufBuilder.Array(8, 2, GgufBuilder.Text("a"), GgufBuilder.Text("b")));
        for (int i = 0; i < s_chat.Length; i++)
        {
            float[] values = Values(s_chat[i].Shape, 60 + i);
            byte[] bytes = new byte[type.ByteLength(values.Length)];
            TensorConversion.FromSingle(type, values, bytes);
            builder.Tensor(s_chat[i].Name, [.. s_chat[i].Shape.Reverse().Select(s => (ulong)s)], type == TensorDType.F32 ? 0u : 8u, bytes);
        }
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], builder.Build());
    }

    public void WriteText(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], text);
    }

    /// <summary>Writes a model whose matrices have falling singular values; the same numbers each time.</summary>
    public void WriteModel(string name, params (string Name, long[] Shape)[] tensors) => WriteModel(name, 0, tensors);

    private void WriteModel(string name, int firstSeed, (string Name, long[] Shape)[] tensors)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        using SafetensorsModelWriter writer = new(this[name], tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, [.. t.Shape])), new Dictionary<string, string>());
        for (int i = 0; i < tensors.Length; i++)
        {
            writer.Begin(new TensorSpec(tensors[i].Name, TensorDType.F32, [.. tensors[i].Shape]));
            writer.Write(MemoryMarshal.AsBytes<float>(Values(tensors[i].Shape, seed: firstSeed + i)));
        }
        writer.Complete();
    }

    /// <summary>Writes a small network of convolutions whose kernels are sums of <see cref="KernelRank"/> outer products, each half of the one before.</summary>
    private void WriteVision(string name)
    {
        (string Name, long[] Shape)[] tensors = [("conv1.weight", [16, 12, 3, 3]), ("conv1.bias", [16]), ("conv2.weight", [24, 16, 3, 3]), ("head.weight", [10, 24])];
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        using SafetensorsModelWriter writer = new(this[name], tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, [.. t.Shape])), new Dictionary<string, string>());
        foreach ((string tensor, long[] shape) in tensors)
        {
            writer.Begin(new TensorSpec(tensor, TensorDType.F32, [.. shape]));
            writer.Write(MemoryMarshal.AsBytes<float>(Kernel(shape, new Random(tensor.Length + (int)shape[0]))));
        }
        writer.Complete();
    }

    private static float[] Kernel(long[] shape, Random random)
    {
        float[] values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (int component = 0; component < KernelRank; component++)
        {
            double[][] vectors = [.. shape.Select(size => Vector(random, (int)size))];
            for (int i = 0; i < values.Length; i++)
            {
                double product = Math.Pow(0.5, component);
                for (long mode = shape.Length - 1, rest = i; mode >= 0; rest /= shape[mode--])
                    product *= vectors[mode][rest % shape[mode]];
                values[i] += (float)product;
            }
        }
        return values;
    }

    /// <summary>One line for every file: its name and the hash of its bytes.</summary>
    public string Fingerprint(string folder = "") => string.Join('\n', Directory
        .EnumerateFiles(this[folder], "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        .Select(f => $"{Path.GetRelativePath(Root, f)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))}"));

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private static float[] Values(long[] shape, int seed, int mostRank = int.MaxValue)
    {
        Random random = new(seed);
        int rows = (int)shape[0], columns = shape.Length > 1 ? (int)shape[1] : 1;
        float[] values = new float[rows * columns];
        for (int rank = 1; rank <= Math.Min(Math.Min(rows, columns), mostRank); rank++)
        {
            double[] left = Vector(random, rows), right = Vector(random, columns);
            for (int i = 0; i < values.Length; i++)
                values[i] += (float)(left[i / columns] * right[i % columns] / rank);
        }
        return values;
    }

    private static double[] Vector(Random random, int length) => [.. Enumerable.Range(0, length).Select(_ => random.NextDouble() - 0.5)];
}

using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// An encoder-decoder transformer of 45,555,200 parameters (width 512, 6 + 6 layers, 8 heads, 256 tokens, length 1024,
/// tied token embedding) with made-up weights of realistic spectra: something to try the tools on without a download.
/// </summary>
public static class DemoTransformer
{
    private const int Width = 512;
    private const int Hidden = 2048;
    private const int Tokens = 256;
    private const int Length = 1024;
    private const int Depth = 6;

    /// <summary>Singular values fall as i^-0.5: between the flat spectra of attention outputs and the steep ones of queries.</summary>
    private const double Decay = 0.5;

    private const double WeightRms = 0.02;

    /// <summary>Writes <c>model.safetensors</c> into a folder; the same bytes each time.</summary>
    /// <param name="folder">Created where it is absent; an existing model in it is replaced.</param>
    /// <param name="cancellationToken">Stops between tensors; nothing is left behind.</param>
    /// <returns>Full path of the file.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static string Write(string folder, CancellationToken cancellationToken = default)
    {
        List<TensorSpec> tensors = [.. Tensors().Select(t => new TensorSpec(t.Name, TensorDType.F32, [.. t.Shape]))];
        // The decoder's token embedding is the encoder's; the convention of safetensors is to note the name.
        Dictionary<string, string> metadata = new(StringComparer.Ordinal)
        {
            ["format"] = "pt",
            ["decoder.net.token_emb.weight"] = "encoder.token_emb.weight",
        };
        string full = Path.GetFullPath(folder);
        Directory.CreateDirectory(full);
        using SafetensorsModelWriter writer = new(Path.Combine(full, "model.safetensors"), tensors, metadata);
        for (int i = 0; i < tensors.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Write(writer, tensors[i], seed: i);
        }
        return writer.Complete()[0];
    }

    private static void Write(SafetensorsModelWriter writer, TensorSpec tensor, int seed)
    {
        writer.Begin(tensor);
        if (tensor.Shape.Length == 2)
        {
            using Matrix<float> matrix = SpectralMatrix.Create((int)tensor.Shape[0], (int)tensor.Shape[1], Decay, WeightRms, seed);
            for (int i = 0; i < matrix.Rows; i++)
                writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(matrix.Row(i)));
            return;
        }
        // Normalisations start as one, biases as small noise.
        Random random = new(seed);
        bool norm = tensor.Name.EndsWith("weight", StringComparison.Ordinal);
        float[] vector = [.. Enumerable.Range(0, (int)tensor.Shape[0]).Select(_ => norm ? 1f : (float)((random.NextDouble() - 0.5) * WeightRms))];
        writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(vector));
    }

    private static IEnumerable<(string Name, long[] Shape)> Tensors() =>
    [
        ("encoder.token_emb.weight", [Tokens, Width]),
        .. Side("encoder", ["attention", "feedforward"]),
        .. Side("decoder.net", ["attention", "attention", "feedforward"]),
    ];

    private static IEnumerable<(string Name, long[] Shape)> Side(string side, string[] sublayers)
    {
        yield return ($"{side}.pos_emb.emb.weight", [Length, Width]);
        for (int i = 0; i < Depth * sublayers.Length; i++)
        {
            string layer = $"{side}.attn_layers.layers.{i}";
            yield return ($"{layer}.0.weight", [Width]);
            yield return ($"{layer}.0.bias", [Width]);
            foreach ((string Name, long[] Shape) tensor in sublayers[i % sublayers.Length] == "attention" ? Attention(layer) : FeedForward(layer))
                yield return tensor;
        }
        yield return ($"{side}.norm.weight", [Width]);
        yield return ($"{side}.norm.bias", [Width]);
        yield return ($"{side}.to_logits.weight", [Tokens, Width]);
        yield return ($"{side}.to_logits.bias", [Tokens]);
    }

    private static IEnumerable<(string Name, long[] Shape)> Attention(string layer) =>
    [
        ($"{layer}.1.to_q.weight", [Width, Width]),
        ($"{layer}.1.to_k.weight", [Width, Width]),
        ($"{layer}.1.to_v.weight", [Width, Width]),
        ($"{layer}.1.to_out.weight", [Width, Width]),
        ($"{layer}.1.to_out.bias", [Width]),
    ];

    private static IEnumerable<(string Name, long[] Shape)> FeedForward(string layer) =>
    [
        ($"{layer}.1.net.0.0.weight", [Hidden, Width]),
        ($"{layer}.1.net.0.0.bias", [Hidden]),
        ($"{layer}.1.net.2.weight", [Width, Hidden]),
        ($"{layer}.1.net.2.bias", [Width]),
    ];
}

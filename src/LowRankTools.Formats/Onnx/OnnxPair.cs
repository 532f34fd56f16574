namespace LowRankTools.Formats;

/// <summary>Two factors in place of a weight of an ONNX graph.</summary>
/// <param name="Weight">Name of the weight, one of <see cref="OnnxFile.ReplaceableWeights"/>.</param>
/// <param name="First">The factor that is used first: (in, r), of a table (entries, r).</param>
/// <param name="Second">The other: (r, out), of a table (r, features).</param>
public sealed record OnnxPair(string Weight, TensorSpec First, TensorSpec Second)
{
    /// <summary>Scales of the first factor's columns, float32, where it is stored as int8; null where it is not. The second factor is then stored so too.</summary>
    public TensorSpec? FirstScale { get; init; }

    /// <summary>Scales of the second factor's columns.</summary>
    public TensorSpec? SecondScale { get; init; }

    /// <summary>Tensors in the order in which they are written.</summary>
    public IEnumerable<TensorSpec> Tensors => FirstScale is { } first && SecondScale is { } second ? [First, first, Second, second] : [First, Second];
}

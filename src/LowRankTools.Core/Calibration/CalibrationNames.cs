namespace LowRankTools.Core.Calibration;

/// <summary>Names of a layer's tensors in a calibration file: the layer's name without <c>.weight</c>, a dot, and one of these.</summary>
internal static class CalibrationNames
{
    /// <summary>Sum of x x^T, (in, in), or its diagonal, (in).</summary>
    public const string Gram = "gram";
    /// <summary>The inputs themselves, (tokens, in), in place of their Gram matrix.</summary>
    public const string Inputs = "inputs";
    /// <summary>Sum of x~ x~^T over the inputs that compressed layers before make, (in, in).</summary>
    public const string CompressedGram = "compressed_gram";
    /// <summary>Sum of x x~^T, (in, in).</summary>
    public const string CrossGram = "cross_gram";
    /// <summary>Number of tokens summed over, one number.</summary>
    public const string Count = "count";
    /// <summary>Sum of g g^T over the gradients at the layer's output, (out, out), or its diagonal, (out).</summary>
    public const string OutputGram = "output_gram";
    /// <summary>Factor of the layer's discarded energy among the layers, one number.</summary>
    public const string Sensitivity = "sensitivity";
    /// <summary>The gradient of the loss at the weight, sum of g x^T, (out, in).</summary>
    public const string WeightGradient = "weight_gradient";
    /// <summary>In front of gram, inputs, compressed_gram and cross_gram: the same of inputs that nothing is fitted on.</summary>
    public const string HeldOut = "heldout_";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        Gram, Inputs, CompressedGram, CrossGram, Count, OutputGram, Sensitivity, WeightGradient,
        HeldOut + Gram, HeldOut + Inputs, HeldOut + CompressedGram, HeldOut + CrossGram,
    ];
}

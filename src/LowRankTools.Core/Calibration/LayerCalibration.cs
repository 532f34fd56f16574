namespace LowRankTools.Core.Calibration;

/// <summary>What a calibration file says of one layer.</summary>
internal sealed class LayerCalibration : IDisposable
{
    /// <summary>The inputs to fit on.</summary>
    public required InputGrams Inputs { get; init; }

    /// <summary>Mean magnitude of each input feature; of a Gram matrix, which does not hold it, the root of the mean square.</summary>
    public required double[] Magnitudes { get; init; }

    /// <summary>Tokens that were summed over; one where the file does not say.</summary>
    public required double Count { get; init; }

    /// <summary>Inputs kept back, for judging; null where there are none.</summary>
    public InputGrams? HeldOut { get; init; }

    /// <summary>Sum of g g^T over the gradients g of the loss at the layer's output, out x out; null where not given.</summary>
    public Gram? OutputGradients { get; init; }

    /// <summary>Factor of the layer's discarded energy when layers are weighed against each other; null where not given.</summary>
    public double? Sensitivity { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Inputs.Dispose();
        HeldOut?.Dispose();
        OutputGradients?.Dispose();
    }
}

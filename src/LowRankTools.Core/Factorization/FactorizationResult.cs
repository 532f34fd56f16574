namespace LowRankTools.Core.Factorization;

/// <summary>What became of one model, or would become of it.</summary>
public sealed record FactorizationResult
{
    /// <summary>Full path of the model written, or that would be: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the model read.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>How ranks were chosen.</summary>
    public required string Rule { get; init; }

    /// <summary>Engine and device that computed, or would.</summary>
    public required string Engine { get; init; }

    /// <summary>Which part of how many was worked on, such as <c>3/16</c>: all figures are then of its layers alone, and Path is its file. Null for whole models.</summary>
    public string? Part { get; init; }

    /// <summary>Whether the model was written; false where only the plan was asked for.</summary>
    public required bool Written { get; init; }

    /// <summary>Parameters of the model read, shared storage once.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of the model written.</summary>
    public required long Parameters { get; init; }

    /// <summary>Parameters written over parameters read.</summary>
    public double KeptRatio => ParametersBefore == 0 ? 1 : (double)Parameters / ParametersBefore;

    /// <summary>Bytes of all tensors read; headers not counted.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of all tensors written; headers not counted.</summary>
    public required long Bytes { get; init; }

    /// <summary>Layers that became pairs, or chains of convolutions.</summary>
    public required int FactorizedLayers { get; init; }

    /// <summary>Weights that stay dense.</summary>
    public required int KeptLayers { get; init; }

    /// <summary>
    /// Over all factorized layers together: root of the summed squared differences over root of the summed squared
    /// norms; null where nothing was computed.
    /// </summary>
    public double? RelativeError { get; init; }

    /// <summary>Root mean square of the factorized layers' own relative errors, each layer counting once; null where nothing was computed.</summary>
    public double? MeanError
    {
        get
        {
            double[] errors = [.. Layers.Where(l => l.Rank is not null).Select(l => l.RelativeError).OfType<double>()];
            return errors.Length == 0 ? null : Math.Sqrt(errors.Average(e => e * e));
        }
    }

    /// <summary>Layers that became pairs without calibration because the calibration file has nothing on them; empty without a file.</summary>
    public IReadOnlyList<string> Uncalibrated { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>Full paths of files of an earlier output that were replaced or removed, or would be.</summary>
    public IReadOnlyList<string> Displaced { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>What should be known of the output: that no runtime reads its pairs, or what was removed of a run that had been killed; empty where there is nothing.</summary>
    public string Note { get; init; } = "";

    /// <summary>Seconds for the whole model; null where nothing was computed.</summary>
    public double? Seconds { get; init; }

    /// <summary>Every weight matrix, embedding, convolution and recurrent weight.</summary>
    public required IReadOnlyList<LayerFactorization> Layers { get; init => field = new ShownList<LayerFactorization>(value); }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}

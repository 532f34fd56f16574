namespace LowRankTools.Core.Planning;

/// <summary>
/// Singular values to plan with where there are none: sigma_k = 1 / sqrt k, scaled to an energy of one. Trained weights
/// fall about so, flatter in small layers; and one energy for all makes every layer count the same.
/// </summary>
internal sealed class AssumedSpectrum
{
    private readonly Dictionary<long, double[]> _byLength = [];

    /// <summary>Values of a matrix, one array for all matrices of one smaller side.</summary>
    public double[] Of((long Rows, long Columns) size)
    {
        long length = Math.Min(size.Rows, size.Columns);
        if (!_byLength.TryGetValue(length, out double[]? values))
        {
            double[] inverse = [.. Enumerable.Range(1, checked((int)length)).Select(k => 1.0 / k)];
            double energy = inverse.Reverse().Sum();
            _byLength[length] = values = Array.ConvertAll(inverse, e => Math.Sqrt(e / energy));
        }
        return values;
    }
}

using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers;

/// <summary>Cosines and sines of the angles by which rotary positions turn pairs of features (Su et al., 2021).</summary>
/// <param name="cosines">Positions x pairs.</param>
/// <param name="sines">Positions x pairs.</param>
/// <param name="interleaved">Whether a pair is two neighbours, or feature i and feature i + pairs.</param>
public sealed class RotaryTables(ITensor cosines, ITensor sines, bool interleaved) : IDisposable
{
    /// <summary>Positions x pairs.</summary>
    public ITensor Cosines => cosines;

    /// <summary>Positions x pairs.</summary>
    public ITensor Sines => sines;

    /// <summary>Whether a pair is two neighbours.</summary>
    public bool Interleaved => interleaved;

    /// <summary>Angle of pair i at a position: position / theta^(i / pairs).</summary>
    /// <param name="engine">Where the tables live.</param>
    /// <param name="positions">Positions 0 to this - 1.</param>
    /// <param name="width">Features that are turned, twice the pairs.</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <param name="interleaved">Whether a pair is two neighbours.</param>
    /// <param name="type">Type of the activations.</param>
    /// <param name="first">The first position.</param>
    /// <param name="frequencies">Radians a position for each pair in place of the formula, or null.</param>
    public static RotaryTables Create(INetworkEngine engine, int positions, int width, double theta = 10_000, bool interleaved = false, ElementType type = ElementType.Float32, int first = 0, double[]? frequencies = null)
    {
        int pairs = width / 2;
        double[] angles = new double[positions * pairs];
        for (int p = 0; p < positions; p++)
        {
            for (int i = 0; i < pairs; i++)
                angles[(p * pairs) + i] = (first + p) * (frequencies is null ? Math.Pow(theta, -(double)i / pairs) : frequencies[i]);
        }

        using ITensor cosines = engine.FromDoubles([.. angles.Select(Math.Cos)], positions, pairs), sines = engine.FromDoubles([.. angles.Select(Math.Sin)], positions, pairs);
        return new RotaryTables(engine.Copy(cosines, type), engine.Copy(sines, type), interleaved);
    }

    /// <summary>Frees the tables.</summary>
    public void Dispose()
    {
        cosines.Dispose();
        sines.Dispose();
    }
}

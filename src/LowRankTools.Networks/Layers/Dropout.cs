using System.Globalization;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers;

/// <summary>In training, sets a share of the entries to 0 and scales the others up; else nothing (Srivastava et al., 2014).</summary>
/// <param name="rate">Share of the entries that fall.</param>
public sealed class Dropout(double rate) : Layer
{
    /// <summary>Share of the entries that fall.</summary>
    public double Rate => rate;

    /// <inheritdoc/>
    protected override string Arguments => $"p={rate.ToString("0.0###", CultureInfo.InvariantCulture)}, inplace=False";

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x)
    {
        if (!pass.IsTraining || rate == 0) return x;
        ulong seed = pass.NextSeed();
        ITensor y = pass.New(x, [.. x.Shape]);
        pass.Engine.Dropout(x, rate, seed, y, pass.CancellationToken);
        pass.Save(this, seed);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient)
    {
        if (rate > 0) pass.Engine.Dropout(gradient, rate, pass.Restore<ulong>(this), gradient, pass.CancellationToken);
        return gradient;
    }
}

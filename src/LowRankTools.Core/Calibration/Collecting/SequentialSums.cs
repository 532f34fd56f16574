using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Calibration.Collecting;

/// <summary>Sums over tokens of x x^T, x y^T and y y^T in float64: x what a layer is fed, y what it is fed once the layers before it are compressed.</summary>
internal sealed class SequentialSums(INetworkEngine engine) : IDisposable
{
    private ITensor? _original, _cross, _arriving;

    /// <summary>Tokens that were added.</summary>
    public long Count { get; private set; }

    /// <summary>Adds some tokens.</summary>
    /// <param name="x">Inputs in the original, tokens x in.</param>
    /// <param name="y">Inputs of the same tokens in the compressed network.</param>
    /// <param name="ct">Stops.</param>
    public void Add(ITensor x, ITensor y, CancellationToken ct)
    {
        Sum(ref _original, engine.Gram(engine.Transpose(x), ct));
        Sum(ref _arriving, engine.Gram(engine.Transpose(y), ct));
        using ITensor wideX = engine.Copy(x, ElementType.Float64), wideY = engine.Copy(y, ElementType.Float64);
        ITensor cross = engine.Create(ElementType.Float64, x.Shape[1], y.Shape[1]);
        engine.MatMul(1, engine.Transpose(wideX), wideY, 0, cross, ct);
        Sum(ref _cross, cross);
        Count += x.Shape[0];
    }

    /// <summary>The sums as a calibration has them; the caller's.</summary>
    public InputGrams ToGrams() => new(Gram.Of(HostMatrix.Of(engine, _original!)), HostMatrix.Of(engine, _cross!), Gram.Of(HostMatrix.Of(engine, _arriving!)));

    /// <inheritdoc/>
    public void Dispose()
    {
        _original?.Dispose();
        _cross?.Dispose();
        _arriving?.Dispose();
    }

    private void Sum(ref ITensor? sum, ITensor part)
    {
        if (sum is null)
        {
            sum = part;
            return;
        }
        engine.AddScaled(1, part, 1, sum);
        part.Dispose();
    }
}

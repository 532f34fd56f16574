using System.Globalization;

namespace LowRankTools.Core.Figures;

/// <summary>Maps the numbers of one axis to pixels, and finds round numbers to mark.</summary>
internal sealed class FigureScale
{
    private const int MostTicks = 8;

    private readonly FigureAxis _axis;
    private readonly double _low, _high, _from, _to;

    /// <summary>A scale that holds all values of an axis.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="values">What is drawn on it.</param>
    /// <param name="from">Pixel of its lower end.</param>
    /// <param name="to">Pixel of its upper end.</param>
    public FigureScale(FigureAxis axis, IEnumerable<double> values, double from, double to)
    {
        (_axis, _from, _to) = (axis, from, to);
        double[] shown = [.. values.Where(Shows)];
        (_low, _high) = axis switch
        {
            { Categories: { } categories } => (-0.5, Math.Max(categories.Count, 1) - 0.5),
            { IsLog: true } when shown.Length > 0 => (Math.Log10(shown.Min()), Math.Log10(shown.Max())),
            { IsLog: true } => (0, 1),
            _ => (Math.Min(0, shown.DefaultIfEmpty(0).Min()), Math.Max(0, shown.DefaultIfEmpty(1).Max())),
        };
        if (axis.Categories is null)
        {
            double room = _high > _low ? (_high - _low) * 0.04 : 0.5;
            _high += room;
            if (axis.IsLog || _low < 0)
                _low -= room;
        }
    }

    /// <summary>Whether a value has a place: it is finite, and positive where ratios are drawn.</summary>
    public bool Shows(double value) => double.IsFinite(value) && (!_axis.IsLog || value > 0);

    /// <summary>The pixel of a value.</summary>
    public double this[double value] => _from + ((_axis.IsLog ? Math.Log10(value) : value) - _low) / (_high - _low) * (_to - _from);

    /// <summary>Values to mark, and how they are written.</summary>
    public IEnumerable<(double Value, string Text)> Ticks()
    {
        if (_axis.Categories is { } categories)
            return categories.Select((name, i) => ((double)i, FigureText.Short(name)));
        return (_axis.IsLog ? LogTicks() : LinearTicks()).Select(v => (v, Text(v)));
    }

    private IEnumerable<double> LinearTicks()
    {
        double step = Math.Pow(10, Math.Ceiling(Math.Log10((_high - _low) / MostTicks)));
        foreach (double finer in new[] { 5.0, 2.0 })
        {
            if ((_high - _low) / (step / finer) <= MostTicks)
            {
                step /= finer;
                break;
            }
        }
        for (double k = Math.Ceiling(_low / step); k * step <= _high; k++)
            yield return k * step;
    }

    private IEnumerable<double> LogTicks()
    {
        double decades = _high - _low;
        int skip = Math.Max(1, (int)Math.Ceiling(decades / MostTicks));
        int[] digits = decades < 1 ? [1, 2, 3, 4, 5, 6, 8] : decades < 2.5 ? [1, 2, 5] : [1];
        for (int power = (int)Math.Floor(_low); power <= _high; power++)
        {
            if (power % skip != 0)
                continue;
            foreach (int digit in digits)
            {
                double at = power + Math.Log10(digit);
                if (at >= _low && at <= _high)
                    yield return digit * Math.Pow(10, power);
            }
        }
    }

    private string Text(double value) => _axis.Format switch
    {
        AxisFormat.Percent => string.Create(CultureInfo.InvariantCulture, $"{Digits(value * 100)} %"),
        AxisFormat.Count when Math.Abs(value) >= 1e9 => Digits(value / 1e9) + "G",
        AxisFormat.Count when Math.Abs(value) >= 1e6 => Digits(value / 1e6) + "M",
        AxisFormat.Count when Math.Abs(value) >= 1e3 => Digits(value / 1e3) + "k",
        _ => Digits(value),
    };

    // Ten digits hide what a product of a step rounds away.
    private static string Digits(double value) => Math.Abs(value) is > 0 and < 1e-4
        ? value.ToString("0.#e0", CultureInfo.InvariantCulture) : Math.Round(value, 10).ToString("0.######", CultureInfo.InvariantCulture);
}

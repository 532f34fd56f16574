using System.Globalization;

namespace LowRankTools.Core.Counting;

/// <summary>Parameters by name, in the order of the names; as text <c>Bias 64; Linear 4096</c>, one cell of a table of other programs.</summary>
public sealed class ParameterTotals() : SortedDictionary<string, long>(StringComparer.Ordinal)
{
    /// <summary>Each name with its number.</summary>
    public override string ToString() => string.Join("; ", this.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Key} {t.Value}")));

    internal void Increase(string name, long parameters)
    {
        TryGetValue(name, out long sum);
        this[name] = sum + parameters;
    }
}

using System.Collections.ObjectModel;
using System.Globalization;

namespace LowRankTools.Core;

/// <summary>A list whose text is that of its items, so that a result reads in a table or a file of comma-separated values as it should.</summary>
/// <remarks>Neither an array nor what a collection expression makes: PowerShell takes an array's own Rank and Length for its items' and cannot index the other.</remarks>
/// <param name="items">What stands in it.</param>
internal sealed class ShownList<T>(IEnumerable<T> items) : ReadOnlyCollection<T>([.. items])
{
    public override string ToString() => string.Join("; ", this.Select(i => Convert.ToString(i, CultureInfo.InvariantCulture)));
}

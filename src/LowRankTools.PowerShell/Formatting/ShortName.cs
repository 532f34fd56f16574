using System.Text;

namespace LowRankTools.PowerShell;

/// <summary>Long names for narrow columns: what layers have in common is cut, what tells them apart stays.</summary>
internal static class ShortName
{
    /// <summary>Longest name in a table: leaves room for the figures at a width of 120.</summary>
    public const int Longest = 44;

    private const char Cut = '\u2026';

    /// <summary>
    /// The name, or its parts (between dots or slashes) from the first on, each cut to one letter until the rest fits. A part with
    /// a digit in it counts layers and stays, as the last one does: rows of one table differ there. Where even that is too long, the end stands alone.
    /// </summary>
    /// <param name="name">Name of a layer or a model.</param>
    /// <param name="longest">Most characters.</param>
    public static string Of(string name, int longest)
    {
        if (name.Length <= longest)
            return name;
        StringBuilder shortened = new();
        int length = name.Length;
        for (int start = 0; start < name.Length;)
        {
            int end = name.AsSpan(start).IndexOfAny('.', '/');
            int next = end < 0 ? name.Length : start + end;
            ReadOnlySpan<char> part = name.AsSpan(start, next - start);
            if (length > longest && next < name.Length && part.Length > 2 && !part.ContainsAnyInRange('0', '9'))
            {
                shortened.Append(part[0]).Append(Cut);
                length -= part.Length - 2;
            }
            else
            {
                shortened.Append(part);
            }
            if (next < name.Length)
                shortened.Append(name[next]);
            start = next + 1;
        }
        return shortened.Length <= longest ? shortened.ToString() : string.Concat(Cut.ToString(), name.AsSpan(name.Length - longest + 1));
    }
}

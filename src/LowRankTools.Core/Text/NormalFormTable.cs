using System.Globalization;

namespace LowRankTools.Core.Text;

/// <summary>What Unicode says of characters: what they decompose into, what composes them, and the classes of marks.</summary>
internal sealed class NormalFormTable
{
    private const string Resource = "NormalForms.txt";

    private readonly Dictionary<int, int> _classes = [];

    private NormalFormTable()
    {
    }

    /// <summary>What a character decomposes into, a step at a time, and whether that is compatible only and not the same.</summary>
    public Dictionary<int, (int[] Into, bool Compatible)> Mappings { get; } = [];

    /// <summary>The character that two compose.</summary>
    public Dictionary<(int First, int Second), int> Pairs { get; } = [];

    /// <summary>The canonical class of a character; zero for what begins a new one.</summary>
    public int Class(int point) => _classes.GetValueOrDefault(point);

    /// <summary>Reads the table, which lies in the assembly.</summary>
    public static NormalFormTable Read()
    {
        NormalFormTable table = new();
        using Stream stream = typeof(NormalFormTable).Assembly.GetManifestResourceStream(Resource)!;
        using StreamReader lines = new(stream);
        while (lines.ReadLine() is { } line)
        {
            if (!line.StartsWith('#'))
                table.Add(line.Split(' '));
        }
        return table;
    }

    private void Add(string[] words)
    {
        if (words[0].StartsWith(':'))
        {
            int kind = int.Parse(words[0].AsSpan(1), CultureInfo.InvariantCulture);
            for (int point = Hex(words[1]); point <= Hex(words[2]); point++)
                _classes[point] = kind;
            return;
        }
        int whole = Hex(words[0]);
        bool compatible = words[1].StartsWith('~'), apart = words[1].StartsWith('!');
        int[] parts = [.. words.Skip(1).Select(w => Hex(w.AsSpan().TrimStart("~!")))];
        Mappings[whole] = (parts, compatible);
        if (!compatible && !apart)
            Pairs[(parts[0], parts[1])] = whole;
    }

    private static int Hex(ReadOnlySpan<char> word) => int.Parse(word, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}

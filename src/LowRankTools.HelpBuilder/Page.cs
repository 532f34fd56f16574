using System.Text.RegularExpressions;

namespace LowRankTools.HelpBuilder;

/// <summary>
/// A page of Markdown: a title, a first paragraph, sections (<c>##</c>) and entries in them (<c>###</c>). Fenced
/// code is kept line by line, other lines are joined to paragraphs.
/// </summary>
internal sealed partial class Page
{
    private Page(string title, Entry synopsis, IReadOnlyDictionary<string, IReadOnlyList<Entry>> sections) =>
        (Title, Synopsis, Sections) = (title, synopsis, sections);

    public string Title { get; }

    public Entry Synopsis { get; }

    /// <summary>Entries by the name of their section; text before the first entry is one without a title.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Entry>> Sections { get; }

    public IReadOnlyList<Entry> Section(string name) => Sections.GetValueOrDefault(name, []);

    public static Page Read(string path)
    {
        string title = "";
        Entry synopsis = new(""), entry = synopsis;
        Dictionary<string, IReadOnlyList<Entry>> sections = new(StringComparer.OrdinalIgnoreCase);
        List<Entry> entries = [];
        bool code = false;
        foreach (string line in File.ReadLines(path))
        {
            code ^= line.StartsWith("```", StringComparison.Ordinal);
            if (code || !line.StartsWith('#'))
                entry.Add(line);
            else if (line.StartsWith("### ", StringComparison.Ordinal))
                entries.Add(entry = new Entry(Plain(line[4..])));
            else if (line.StartsWith("## ", StringComparison.Ordinal))
                sections.Add(line[3..], entries = [entry = new Entry("")]);
            else
                title = line[2..];
        }
        return new Page(title, synopsis, sections.ToDictionary(s => s.Key,
            s => (IReadOnlyList<Entry>)[.. s.Value.Where(e => e.Title.Length > 0 || e.Blocks.Count > 0)], StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Text without the marks of code and links.</summary>
    private static string Plain(string text) => Link().Replace(text, "$1").Replace("`", "", StringComparison.Ordinal).Replace("**", "", StringComparison.Ordinal);

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]*\)")]
    private static partial Regex Link();

    /// <summary>A piece of an entry: a paragraph, an item of a list, or fenced code with its language.</summary>
    internal sealed record Block(string Text, string? Language = null);

    internal sealed class Entry(string title)
    {
        private readonly List<Block> _blocks = [];
        private bool _inCode, _open;

        public string Title { get; } = title;

        public IReadOnlyList<Block> Blocks => _blocks;

        public IEnumerable<string> Paragraphs => _blocks.Where(b => b.Language is null).Select(b => b.Text);

        public IEnumerable<string> Code(string language) => _blocks.Where(b => b.Language == language).Select(b => b.Text);

        public void Add(string line)
        {
            bool fence = line.StartsWith("```", StringComparison.Ordinal);
            if (fence && !_inCode)
                _blocks.Add(new Block("", line[3..].Trim().Split(' ')[0]));
            else if (_inCode && !fence)
                Extend(line, "\n");
            else if (!fence && line.Trim() is { Length: > 0 } text)
            {
                if (!_open || text.StartsWith("- ", StringComparison.Ordinal))
                    _blocks.Add(new Block(""));
                Extend(Plain(text), " ");
            }
            _inCode ^= fence;
            _open = !fence && !_inCode && line.Trim().Length > 0;
        }

        private void Extend(string text, string separator) =>
            _blocks[^1] = _blocks[^1] with { Text = _blocks[^1].Text.Length == 0 ? text : _blocks[^1].Text + separator + text };
    }
}

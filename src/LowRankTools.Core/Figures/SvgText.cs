using System.Globalization;
using System.Text;

namespace LowRankTools.Core.Figures;

/// <summary>Writes the elements of a picture. Every text is escaped here and nowhere else.</summary>
internal sealed class SvgText
{
    /// <summary>Greys for light and dark, and the page's own where it has a picture inside it.</summary>
    public const string Style = """
        .lr-text{fill:#57606a}.lr-title{fill:#1f2328;font-weight:600;font-size:15px}.lr-grid{stroke:#d8dee4}.lr-back{fill:#fff}
        @media (prefers-color-scheme:dark){.lr-text{fill:#9aa4ae}.lr-title{fill:#e6edf3}.lr-grid{stroke:#30363d}.lr-back{fill:#12161b}}
        @media print{.lr-text{fill:#444}.lr-title{fill:#000}.lr-grid{stroke:#ddd}.lr-back{fill:#fff}}
        """;

    private readonly StringBuilder _text = new();

    /// <summary>Begins the picture.</summary>
    public void Open(double width, double height, string title, string description, bool standalone)
    {
        Append($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\"");
        if (standalone)
            Append($" width=\"{width}\" height=\"{height}\"");
        Append($" role=\"img\" aria-label=\"{Escape(title)}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n");
        Append($"<title>{Escape(title)}</title>\n<desc>{Escape(description)}</desc>\n");
        if (standalone)
            Append($"<style>\n{Style}\n</style>\n<rect class=\"lr-back\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n");
    }

    /// <summary>Ends it.</summary>
    public string Close() => _text.Append("</svg>\n").ToString();

    /// <summary>A line of text.</summary>
    public void Words(double x, double y, string text, string style, string anchor) =>
        Append($"<text class=\"{style}\" x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor}\">{Escape(text)}</text>\n");

    /// <summary>A line of text from below, about a point.</summary>
    public void Upright(double x, double y, string text, string style) =>
        Append($"<text class=\"{style}\" text-anchor=\"middle\" transform=\"translate({x:0.#} {y:0.#}) rotate(-90)\">{Escape(text)}</text>\n");

    /// <summary>A thin straight line.</summary>
    public void Line(double x0, double y0, double x1, double y1, string style) =>
        Append($"<line class=\"{style}\" x1=\"{x0:0.#}\" y1=\"{y0:0.#}\" x2=\"{x1:0.#}\" y2=\"{y1:0.#}\" stroke=\"#d8dee4\"/>\n");

    /// <summary>A filled rectangle.</summary>
    public void Bar(double x, double y, double width, double height, string color, double opacity) =>
        Append($"<rect x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{width:0.#}\" height=\"{height:0.#}\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>\n");

    /// <summary>A point.</summary>
    public void Mark(double x, double y, string color) => Append($"<circle cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"4\" fill=\"{color}\"/>\n");

    /// <summary>A line through points.</summary>
    public void Path(IReadOnlyList<(double X, double Y)> points, string color, bool dashed)
    {
        Append($"<polyline points=\"");
        foreach ((double x, double y) in points)
            Append($"{x:0.#},{y:0.#} ");
        _text.Length--;
        Append($"\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"");
        _text.Append(dashed ? " stroke-dasharray=\"6 5\"/>\n" : "/>\n");
    }

    /// <summary>Text that is text in HTML and XML; what XML does not allow becomes the sign for the unknown.</summary>
    public static string Escape(string text)
    {
        StringBuilder escaped = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            switch (c)
            {
                case '&': escaped.Append("&amp;"); break;
                case '<': escaped.Append("&lt;"); break;
                case '>': escaped.Append("&gt;"); break;
                case '"': escaped.Append("&quot;"); break;
                case '\'': escaped.Append("&#39;"); break;
                case '\n' or '\t': escaped.Append(' '); break;
                case < ' ' or '\x7f' or '\ufffe' or '\uffff': escaped.Append('\ufffd'); break;
                default:
                    if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                        escaped.Append(c).Append(text[++i]);
                    else
                        escaped.Append(char.IsSurrogate(c) || IsDirection(c) ? '\ufffd' : c);
                    break;
            }
        }
        return escaped.ToString();
    }

    // Marks that turn the direction of reading can make one name look like another.
    private static bool IsDirection(char c) => c is >= '\u202a' and <= '\u202e' or >= '\u2066' and <= '\u2069';

    private void Append(FormattableString text) => _text.Append(text.ToString(CultureInfo.InvariantCulture));
}

using System.Text;
using System.Xml.Linq;
using LowRankTools.Core;
using LowRankTools.Formats;
using LowRankTools.PowerShell.Errors;

namespace LowRankTools.HelpBuilder;

/// <summary>Writes about topics: plain text, wrapped, indented by four.</summary>
internal static class AboutTopic
{
    /// <summary>The topic that lists the error ids.</summary>
    public const string Errors = "about_LowRankTools_Errors";

    private const int Width = 80;

    public static string FromPage(Page page)
    {
        StringBuilder text = new();
        text.Append("TOPIC\n    ").Append(page.Title).Append("\n\nSHORT DESCRIPTION\n");
        Entry(text, page.Synopsis);
        foreach ((string name, IReadOnlyList<Page.Entry> entries) in page.Sections)
        {
            text.Append(name.ToUpperInvariant()).Append('\n');
            foreach (Page.Entry entry in entries)
            {
                if (entry.Title.Length > 0)
                    text.Append("  ").Append(entry.Title).Append('\n');
                Entry(text, entry);
            }
        }
        return text.ToString();
    }

    /// <summary>Every error id with its meaning, as the source says it.</summary>
    public static string ErrorIds()
    {
        StringBuilder text = new();
        foreach ((string heading, Type type) in ((string, Type)[])[("MODEL FILES", typeof(FormatErrors)), ("OPERATIONS", typeof(CoreErrors)), ("CMDLETS", typeof(CommandErrors))])
        {
            text.Append(heading).Append('\n');
            XDocument docs = XDocument.Load(Path.ChangeExtension(type.Assembly.Location, ".xml"));
            foreach (XElement member in docs.Descendants("member").Where(m => m.Attribute("name")!.Value.StartsWith($"F:{type.FullName}.", StringComparison.Ordinal)))
            {
                text.Append("    ").Append(member.Attribute("name")!.Value.Split('.')[^1]).Append('\n');
                Wrapped(text, string.Join(' ', member.Value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), indent: 8);
            }
            text.Append('\n');
        }
        return text.ToString();
    }

    private static void Entry(StringBuilder text, Page.Entry entry)
    {
        foreach (Page.Block block in entry.Blocks)
        {
            if (block.Language is null)
                Wrapped(text, block.Text, indent: 4);
            else
                text.Append("        ").Append(block.Text.ReplaceLineEndings("\n        ")).Append('\n');
            text.Append('\n');
        }
    }

    private static void Wrapped(StringBuilder text, string paragraph, int indent)
    {
        int column = 0;
        foreach (string word in paragraph.Split(' '))
        {
            bool fits = column > 0 && column + 1 + word.Length <= Width;
            if (column > 0 && !fits)
                text.Append('\n');
            text.Append(fits ? " " : new string(' ', indent)).Append(word);
            column = fits ? column + 1 + word.Length : indent + word.Length;
        }
        text.Append('\n');
    }
}

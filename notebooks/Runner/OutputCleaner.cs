using System.Text.RegularExpressions;

namespace LowRankTools.NotebookRunner;

/// <summary>Takes out of outputs what tells of the machine and nothing of the subject: folders and colours.</summary>
internal static partial class OutputCleaner
{
    private static readonly List<(string Text, string Replacement)> s_folders = [];

    /// <summary>Writes a name in place of a folder's path from now on.</summary>
    public static void Hide(string folder, string name)
    {
        s_folders.RemoveAll(f => f.Text == folder);
        s_folders.Add((folder, name));
        s_folders.Sort((a, b) => b.Text.Length - a.Text.Length);
    }

    public static string Clean(string text)
    {
        text = Escapes().Replace(text.Replace("\r\n", "\n", StringComparison.Ordinal), "");
        foreach ((string folder, string name) in s_folders)
            text = text.Replace(folder, name, StringComparison.Ordinal);
        return text;
    }

    [GeneratedRegex(@"\x1b\[[0-9;?]*[A-Za-z]")]
    private static partial Regex Escapes();
}

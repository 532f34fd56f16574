using System.Globalization;
using System.Runtime.CompilerServices;
using LowRankTools.Core.Text;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Core.Tests.Text;

/// <summary>Normal forms are those of the Unicode Standard, whatever tables the system has.</summary>
public sealed class NormalFormTests
{
    private const string Peer = """
        import random, sys, unicodedata
        points = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000 and c not in (10, 13)]
        random.seed(1)
        special = [c for c in points if unicodedata.combining(chr(c)) or unicodedata.decomposition(chr(c)) or 0x1100 <= c < 0x1200 or 0xAC00 <= c < 0xAC40]
        texts = [chr(c) for c in points if unicodedata.category(chr(c)) not in ('Cn', 'Co')] + [''.join(chr(random.choice(special)) for _ in range(6)) for _ in range(20000)]
        with open(sys.argv[1], 'w', encoding='utf-8', newline='') as out:
            for text in texts:
                forms = [text, unicodedata.normalize('NFD', text), unicodedata.normalize('NFKC', text)]
                out.write(' '.join(f'{ord(c):X}' for c in forms[0]) + ';' + ' '.join(f'{ord(c):X}' for c in forms[1]) + ';' + ' '.join(f'{ord(c):X}' for c in forms[2]) + '\n')
        """;

    [PythonFact("unicodedata")]
    public void Every_character_and_many_texts_have_the_forms_that_Python_gives()
    {
        string file = Path.GetTempFileName();
        try
        {
            PythonPeer.Run(Peer, file);
            string[] lines = File.ReadAllLines(file);
            Assert.True(lines.Length > 140_000);
            string[] wrong = [.. lines.Where(line => line.Split(';') is var forms && (NormalForm.D(Text(forms[0])) != Text(forms[1]) || NormalForm.KC(Text(forms[0])) != Text(forms[2])))];
            Assert.Equal("", string.Join('\n', wrong.Take(5)));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [PythonFact("unicodedata")]
    public void The_table_is_what_the_script_makes()
    {
        string made = PythonPeer.Run(File.ReadAllText(Place("normal_forms.py"))).ReplaceLineEndings("\n"), kept = File.ReadAllText(Place("../../../src/LowRankTools.Core/Text/NormalForms.txt")).ReplaceLineEndings("\n");
        // A Python of another Unicode makes another table, in which at least nothing of this one is missing: what is assigned stays.
        if (made.Split('\n')[0] == kept.Split('\n')[0])
            Assert.Equal(kept, made);
        else
            Assert.Empty(Decompositions(kept).Except(Decompositions(made)));
    }

    [Theory]
    [InlineData("Crème brûlée", "Creme brulee")]
    [InlineData("naïve Ångström, Dvořák", "naive Angstrom, Dvorak")]
    [InlineData("plain", "plain")]
    public void Accents_come_off(string text, string plain) => Assert.Equal(plain, NormalForm.WithoutMarks(text));

    private static IEnumerable<string> Decompositions(string table) => table.Split('\n').Where(l => l.Length > 0 && l[0] is not ('#' or ':'));

    private static string Text(string points) => string.Concat(points.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => char.ConvertFromUtf32(int.Parse(p, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))));

    private static string Place(string name, [CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, name));
}

using LowRankTools.Cli.Output;

namespace LowRankTools.Cli.Tests.Output;

public sealed class TableTests
{
    private static ReportTable Sample()
    {
        ReportTable table = new("Name", ">Count");
        table.Add("a.rather.long.name.that.a.narrow.screen.would.have.to.wrap.somewhere.in.the.middle.weight", "1,234");
        table.Add("b", "5");
        return table;
    }

    private static string Written(ReportTable table, Terminal terminal)
    {
        using StringWriter output = new();
        table.Write(new ConsoleContext(output, TextWriter.Null, terminal, default));
        return output.ToString();
    }

    [Fact]
    public void Redirected_tables_have_a_line_for_each_row_and_aligned_numbers()
    {
        string[] lines = Written(Sample(), Terminal.None).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Single(lines.Select(l => l.TrimEnd().Length).Distinct());
        Assert.EndsWith("    5", lines[2].TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Screens_get_a_bordered_table_where_it_fits_and_whole_names_where_not()
    {
        string name = Sample().Rows[0][0];
        string wide = Written(Sample(), new Terminal(Output: true, Error: false, Color: false, Width: name.Length + 13));
        Assert.StartsWith("\u256D", wide, StringComparison.Ordinal);
        Assert.All(wide.Split('\n'), line => Assert.InRange(line.Length, 0, name.Length + 13));
        Assert.Contains(name, wide, StringComparison.Ordinal);
        string narrow = Written(Sample(), new Terminal(Output: true, Error: false, Color: false, Width: name.Length + 11));
        Assert.Equal(Written(Sample(), Terminal.None), narrow);
        Assert.Contains(name, narrow, StringComparison.Ordinal);
    }

    [Fact]
    public void Columns_that_nothing_stands_in_are_left_out()
    {
        ReportTable table = new("Name", "Remark", ">Count");
        table.Add("a", "", "1");
        Assert.DoesNotContain("Remark", Written(table, Terminal.None), StringComparison.Ordinal);
        table.Add("b", "odd", "2");
        Assert.Contains("Remark", Written(table, Terminal.None), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_colour_not_one_escape_code_is_sent()
    {
        Assert.DoesNotContain('\u001b', Written(Sample(), new Terminal(Output: true, Error: false, Color: false, Width: 120)));
        Assert.Contains('\u001b', Written(Sample(), new Terminal(Output: true, Error: false, Color: true, Width: 120)));
        Assert.DoesNotContain('\u001b', Written(Sample(), Terminal.None));
    }

    [Fact]
    public void Square_brackets_in_names_are_text()
    {
        ReportTable table = new("Name");
        table.Add("a[red]b[/]c[0]");
        Assert.Contains("a[red]b[/]c[0]", Written(table, new Terminal(Output: true, Error: false, Color: true, Width: 100)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_on_a_screen_draws_its_progress_beside_the_results()
    {
        using TestFolder folder = new();
        CliRun run = CliRun.OnScreen(color: true, "factorize", folder.Model(), "--rank", "4", "--json");
        Assert.Equal(0, run.Code);
        Assert.Single(run.Json);
        Assert.Equal(0, CliRun.OnScreen(color: false, "count", folder.Model()).Code);
    }
}

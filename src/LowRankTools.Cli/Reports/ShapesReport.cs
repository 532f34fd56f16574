using System.Globalization;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>Layers of a model as a table.</summary>
internal static class ShapesReport
{
    public static void Write(ModelSource source, IReadOnlyList<LayerShape> shapes, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{source.Name}  {source.Path}"));
        Write(shapes, console);
        console.Out.WriteLine($"{Figures.Plural(shapes.Count, "tensor")}, {Figures.Count(shapes.Where(s => s.TiedTo is null).Sum(s => s.Parameters))} parameters");
        console.Out.WriteLine();
    }

    /// <summary>The table alone.</summary>
    public static void Write(IReadOnlyList<LayerShape> shapes, ConsoleContext console)
    {
        ReportTable table = new("Name", "Kind", "Shape", "Type", ">Parameters", ">Bytes", ">Break-even rank", "Remark");
        foreach (LayerShape shape in shapes)
        {
            table.Add(shape.Name, shape.Kind.ToString(), shape.Shape.ToString(), shape.DType, Figures.Count(shape.Parameters),
                Figures.Bytes(shape.Bytes), shape.BreakEvenRank?.ToString(CultureInfo.InvariantCulture) ?? "", Remark(shape));
        }
        table.Write(console);
    }

    private static string Remark(LayerShape shape) =>
        shape.TiedTo is { } leader ? $"tied to {leader}"
        : shape.Rank is { } rank ? string.Create(CultureInfo.InvariantCulture, $"half of a pair of rank {rank}")
        : shape.Trainable ? "" : "not trained";
}

namespace LowRankTools.TorchSharp.Weights;

/// <summary>How the tensors of a file met those of a module, by name.</summary>
/// <param name="Loaded">Names that were loaded, in the module's order.</param>
/// <param name="Missing">Names of the module that the file lacks; they keep their values.</param>
/// <param name="Unexpected">Names of the file that the module lacks.</param>
/// <param name="Mismatched">Names that both have, in shapes that differ; they keep their values.</param>
public sealed record WeightReport(IReadOnlyList<string> Loaded, IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected, IReadOnlyList<ShapeMismatch> Mismatched)
{
    /// <summary>Whether every tensor of either side was loaded.</summary>
    public bool IsComplete => Missing.Count + Unexpected.Count + Mismatched.Count == 0;
}

/// <summary>A tensor that module and file have in different shapes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Module">Its shape in the module.</param>
/// <param name="File">Its shape in the file.</param>
public sealed record ShapeMismatch(string Name, IReadOnlyList<long> Module, IReadOnlyList<long> File)
{
    /// <summary>As <c>fc.weight: 4 x 8 in the module, 8 x 4 in the file</c>.</summary>
    public override string ToString() => $"{Name}: {string.Join(" x ", Module)} in the module, {string.Join(" x ", File)} in the file";
}

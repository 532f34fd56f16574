using System.Text.RegularExpressions;

namespace LowRankTools.Core.Architectures;

/// <summary>What is known of an architecture's files beyond names: stored orientations, and tensors that are no weights.</summary>
internal sealed partial class WeightLayout
{
    /// <summary>What the names of the main part begin with where the file holds heads too.</summary>
    public string Prefix { get; private init; } = "";

    /// <summary>Whether a matrix is stored (in, out).</summary>
    public Predicate<string> IsInOut { get; init; } = _ => false;

    /// <summary>Whether a tensor is left aside: a graph's constant, or of a task that is not run.</summary>
    public Predicate<string> Ignores { get; init; } = _ => false;

    /// <summary>The layout of an architecture's PyTorch files, by its <c>model_type</c>.</summary>
    public static WeightLayout Of(string modelType) => modelType switch
    {
        "bert" => new() { Prefix = "bert.", Ignores = n => n.StartsWith("cls.seq_relationship.", StringComparison.Ordinal) },
        "gpt2" => new() { Prefix = "transformer.", IsInOut = n => Gpt2InOut().IsMatch(n) },
        "llama" => new() { Prefix = "model." },
        "vit" => new() { Prefix = "vit." },
        _ => new(),
    };

    /// <summary>The same layout for a network whose tensors of these names are others under a second name.</summary>
    public WeightLayout With(IReadOnlyList<string> tied) =>
        new() { Prefix = Prefix, IsInOut = IsInOut, Ignores = n => Ignores(n) || tied.Contains(n) };

    [GeneratedRegex(@"\.(c_attn|c_proj|c_fc|q_attn)\.weight$", RegexOptions.CultureInvariant)]
    private static partial Regex Gpt2InOut();
}

using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Expressions;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;
using LowRankTools.PowerShell.Binding;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <content>Parameters, and the options that they make.</content>
public sealed partial class InvokeTensorDecompositionCommand
{
    /// <summary>Tensors that Get-LayerShapes found: exactly these are decomposed, in the models they are from.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(InputObject)), ValidateNotNull]
    public LayerShape? InputObject { get; set; }

    /// <summary>An array of two ranks or more, or a tensor, which is decomposed in memory.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(InputArray)), ValidateNotNull, TensorTransformation]
    public Tensor? InputArray { get; set; }

    /// <summary>The method.</summary>
    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(MethodNameCompleter))]
    public string? Method { get; set; }

    /// <summary>Factors to fit in place of a method's, as einsum has them: ir,jr,kr->ijk.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? Expression { get; set; }

    /// <summary>Factors of the expression that have no negative entry.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string[]? NonNegative { get; set; }

    /// <summary>Weight of the sum of all factors' magnitudes in a fit by expression.</summary>
    [Parameter, ValidateRange(0, double.MaxValue)]
    public double SparsePenalty { get; set; }

    /// <summary>Weight of the sum of all factors' squares in a fit by expression.</summary>
    [Parameter, ValidateRange(0, double.MaxValue)]
    public double RidgePenalty { get; set; }

    /// <summary>One rank for all places, or one for each.</summary>
    [Parameter, ValidateRange(1, int.MaxValue), ValidateNotNullOrEmpty]
    public int[]? Rank { get; set; }

    /// <summary>Largest relative error of a tensor, 0 or more and below 1.</summary>
    [Parameter]
    public double? Tolerance { get; set; }

    /// <summary>Modes to reduce, from 0; all by default.</summary>
    [Parameter, ValidateRange(0, int.MaxValue), ValidateNotNullOrEmpty]
    public int[]? Mode { get; set; }

    /// <summary>Most sweeps of an iterative method.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int? MaxIteration { get; set; }

    /// <summary>Starts of an iterative method, of which the best is kept.</summary>
    [Parameter, ValidateRange(1, 10_000)]
    public int StartCount { get; set; } = 1;

    /// <summary>Entries of an array that are NaN are missing: the others alone are fitted.</summary>
    [Parameter(ParameterSetName = nameof(InputArray))]
    public SwitchParameter MissingAsNaN { get; set; }

    /// <summary>Patterns of tensors to decompose; all of three modes or more by default.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, Alias("Name"), ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>Patterns of tensors to leave as they are.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Seed of random starts; the same seed gives the same bytes.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; }

    /// <summary>Threads to compute with; every core by default.</summary>
    [Parameter, ValidateRange(1, 256)]
    public int ThreadCount { get; set; }

    private string MethodName => (Method is null) == (Expression is null)
        ? throw new LowRankToolsException(CoreErrors.OptionInvalid, "A tensor is decomposed by a method or by an expression.", "Give one of -Method and -Expression.")
        : Method ?? new ExpressionMethod(TensorExpression.Parse(Expression!)).Name;

    private Dictionary<string, FactorPenalty>? Penalties
    {
        get
        {
            if (Expression is null && (NonNegative is not null || SparsePenalty > 0 || RidgePenalty > 0))
                throw new LowRankToolsException(CoreErrors.OptionInvalid, "Penalties and signs are those of an expression's factors.", "Give -Expression, or choose NonNegativeCp or NonNegativeTucker.");
            if (Expression is null)
                return null;
            Dictionary<string, FactorPenalty> all = TensorExpression.Parse(Expression).Names.ToDictionary(n => n, _ => new FactorPenalty(SparsePenalty, RidgePenalty), StringComparer.Ordinal);
            // A name that no factor has is refused with the names that there are.
            foreach (string name in NonNegative ?? [])
                all[name] = new FactorPenalty(SparsePenalty, RidgePenalty, NonNegative: true);
            return all;
        }
    }

    private DecomposeOptions Options(IReadOnlySet<string>? names) => new()
    {
        Method = MethodName,
        Decomposition = new DecompositionOptions
        {
            Ranks = Rank,
            Tolerance = Tolerance,
            Modes = Mode,
            MaxIterations = MaxIteration,
            Starts = StartCount,
            Penalties = Penalties,
            MissingAsNaN = MissingAsNaN,
            Compute = new ComputeOptions { Seed = (ulong)Seed, ThreadCount = ThreadCount },
        },
        Selection = new LayerSelection { Include = NamePatterns.Of(Include), Exclude = NamePatterns.Of(Exclude), Names = names },
        OutputPath = FullOutputPath,
        Format = ChosenFormat ?? LowRankTools.Formats.ModelFormat.Safetensors,
        DType = ChosenDType,
        MaxShardBytes = MaxShardSize,
        Force = Force,
    };
}

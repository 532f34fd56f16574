using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Decompositions;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes models whose tensors are factors of a tensor decomposition.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "TensorDecomposition", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(DecompositionResult), typeof(FileInfo))]
public sealed class InvokeTensorDecompositionCommand : WriteCommandBase
{
    private readonly ChosenLayers _chosen = new();

    /// <summary>Tensors that Get-LayerShapes found: exactly these are decomposed, in the models they are from.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(InputObject)), ValidateNotNull]
    public LayerShape? InputObject { get; set; }

    /// <summary>The method.</summary>
    [Parameter(Mandatory = true), ValidateNotNullOrEmpty, ArgumentCompleter(typeof(MethodNameCompleter))]
    public string Method { get; set; } = string.Empty;

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

    /// <summary>Starts of CP, of which the best is kept.</summary>
    [Parameter, ValidateRange(1, 10_000)]
    public int StartCount { get; set; } = 1;

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

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (InputObject is not null)
            _chosen.Add(InputObject);
        else
            base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (string path in _chosen.Paths)
            Guarded(path, () => ProcessPath(path, listed: false));
        base.EndProcessing();
    }

    private protected override void ValidateOptions() => Options(names: null).Validate();

    private protected override void ProcessModel(ModelSource source)
    {
        DecomposeOptions options = Options(_chosen.Of(source.Path));
        OutputLocation location = new DecomposeTensors(options).Location(source);
        if (MayWrite(source, location, "Decompose") is not { } write)
            return;
        DecomposeTensors operation = new(options with { WhatIf = !write });
        DecompositionResult result = Run(source.Name, (progress, token) => operation.Run(source, progress, token));
        foreach (TensorDecomposition tensor in result.Tensors.Where(t => t.Converged == false))
            Warn($"{source.Path}: tensor '{tensor.Name}' had not come to rest after {tensor.Iterations} sweeps; -MaxIteration allows more.");
        if (result.DecomposedTensors == 0)
            Warn($"{source.Path}: no tensor would be decomposed; each one's Reason in the result's Tensors says why.");
        WriteResult(result, result.Path, result.Written, result.Displaced, result.Note);
    }

    private DecomposeOptions Options(IReadOnlySet<string>? names) => new()
    {
        Method = Method,
        Decomposition = new DecompositionOptions
        {
            Ranks = Rank,
            Tolerance = Tolerance,
            Modes = Mode,
            MaxIterations = MaxIteration,
            Starts = StartCount,
            Compute = new ComputeOptions { Seed = (ulong)Seed, ThreadCount = ThreadCount },
        },
        Selection = new LayerSelection { Include = NamePatterns.Of(Include), Exclude = NamePatterns.Of(Exclude), Names = names },
        OutputPath = FullOutputPath,
        Format = ChosenFormat ?? Formats.ModelFormat.Safetensors,
        DType = ChosenDType,
        MaxShardBytes = MaxShardSize,
        Force = Force,
    };
}

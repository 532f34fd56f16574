using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes models whose tensors are factors of a tensor decomposition.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "TensorDecomposition", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(DecompositionResult), typeof(ArrayDecomposition), typeof(FileInfo))]
public sealed partial class InvokeTensorDecompositionCommand : WriteCommandBase
{
    private readonly ChosenLayers _chosen = new();

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (InputArray is not null)
            Guarded(nameof(InputArray), ProcessArray);
        else if (InputObject is not null)
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

    private void ProcessArray()
    {
        if (OutputPath is not null)
            throw new LowRankTools.Numerics.LowRankToolsException(CoreErrors.OptionInvalid, "What is decomposed in memory is not written.", "Leave -OutputPath out; the result has the factors.");
        DecomposeArray operation = new(Options(names: null));
        ArrayDecomposition result = Run("array", (progress, token) => operation.Run(InputArray!, progress, token));
        if (!result.Converged)
            Warn($"The array's decomposition had not come to rest after {result.Iterations} sweeps; -MaxIteration allows more.");
        WriteObject(result);
    }
}

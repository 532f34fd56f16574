using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace LowRankTools.PowerShell.Completion;

/// <summary>Completes devices by how they are written; to know which are there, TorchSharp would have to be loaded.</summary>
public sealed class DeviceNameCompleter : IArgumentCompleter
{
    private static readonly (string Name, string Meaning)[] s_devices =
    [
        ("cpu", "the processor"), ("cuda", "the first CUDA device"), ("cuda:1", "the second CUDA device"),
    ];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete,
        CommandAst commandAst, IDictionary fakeBoundParameters) =>
        s_devices.Where(d => d.Name.StartsWith(wordToComplete ?? string.Empty, StringComparison.OrdinalIgnoreCase))
            .Select(d => new CompletionResult(d.Name, d.Name, CompletionResultType.ParameterValue, d.Meaning));
}

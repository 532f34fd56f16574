using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.PowerShell.Completion;

/// <summary>Completes names of configurations, and tells what they are.</summary>
public sealed class PresetNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete,
        CommandAst commandAst, IDictionary fakeBoundParameters) =>
        TransformerPresets.All.Where(p => p.Name.StartsWith(wordToComplete ?? string.Empty, StringComparison.OrdinalIgnoreCase))
            .Select(p => new CompletionResult(p.Name, p.Name, CompletionResultType.ParameterValue, p.Description));
}

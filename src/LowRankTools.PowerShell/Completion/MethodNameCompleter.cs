using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using LowRankTools.Decompositions.Methods;

namespace LowRankTools.PowerShell.Completion;

/// <summary>Completes names of tensor decompositions, and tells what they are.</summary>
public sealed class MethodNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete,
        CommandAst commandAst, IDictionary fakeBoundParameters) =>
        DecompositionMethods.All.Where(m => m.Name.StartsWith(wordToComplete ?? string.Empty, StringComparison.OrdinalIgnoreCase))
            .Select(m => new CompletionResult(m.Name, m.Name, CompletionResultType.ParameterValue, m.Description));
}

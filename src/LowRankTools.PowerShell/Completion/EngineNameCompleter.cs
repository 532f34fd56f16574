using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using LowRankTools.Core.Engines;

namespace LowRankTools.PowerShell.Completion;

/// <summary>Completes names of engines.</summary>
public sealed class EngineNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete,
        CommandAst commandAst, IDictionary fakeBoundParameters) =>
        EngineList.Names.Where(name => name.StartsWith(wordToComplete ?? string.Empty, StringComparison.OrdinalIgnoreCase))
            .Select(name => new CompletionResult(name, name, CompletionResultType.ParameterValue, name));
}

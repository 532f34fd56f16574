using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using LowRankTools.Core;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell;

/// <summary>Completes names of engines.</summary>
public sealed class EngineNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete,
        CommandAst commandAst, IDictionary fakeBoundParameters) =>
        EngineList.All.Where(e => e.Name.StartsWith(wordToComplete ?? string.Empty, StringComparison.OrdinalIgnoreCase)).Select(Result);

    private static CompletionResult Result(EngineInfo engine) => new(engine.Name, engine.Name, CompletionResultType.ParameterValue,
        engine.Available ? $"{engine.Device}, {engine.InstructionSet}" : engine.Reason);
}

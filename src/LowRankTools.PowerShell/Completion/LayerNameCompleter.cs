using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;

namespace LowRankTools.PowerShell.Completion;

/// <summary>
/// Completes names of layers from the headers of the models that -Path or -LiteralPath already names, or the command before the pipe.
/// Completion never fails: what cannot be read has nothing to offer.
/// </summary>
public sealed class LayerNameCompleter : IArgumentCompleter
{
    private const int MostNames = 1000;

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete,
        CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        try
        {
            string word = (wordToComplete ?? string.Empty).Trim('\'', '"');
            WildcardPattern pattern = new(word.EndsWith('*') ? word : word + "*", WildcardOptions.IgnoreCase);
            return [.. Paths(fakeBoundParameters, commandAst).SelectMany(Layers).Where(l => pattern.IsMatch(l.Name))
                .DistinctBy(l => l.Name, StringComparer.Ordinal).Take(MostNames).Select(Result)];
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return [];
        }
    }

    private static IEnumerable<string> Paths(IDictionary bound, CommandAst command)
    {
        if (bound["LiteralPath"] is { } literal)
            return Convert("LiteralPath", literal);
        return (bound["Path"] ?? Piped(command)) is { } path ? Convert("Path", path) : [];
    }

    /// <summary>What the command at the head of the pipeline names first: <c>models</c> of <c>Get-ChildItem models | ...</c>; it is not run.</summary>
    private static string? Piped(CommandAst command) =>
        command.Parent is PipelineAst { PipelineElements: [CommandAst head, ..] } && head != command
            ? head.CommandElements.Skip(1).OfType<StringConstantExpressionAst>().FirstOrDefault()?.Value : null;

    /// <summary>Full paths, as the session sees its current location and drives.</summary>
    private static IEnumerable<string> Convert(string parameter, object value)
    {
        using System.Management.Automation.PowerShell shell = System.Management.Automation.PowerShell.Create(RunspaceMode.CurrentRunspace);
        shell.AddCommand(@"Microsoft.PowerShell.Management\Convert-Path").AddParameter(parameter, value).AddParameter("ErrorAction", "Ignore");
        return [.. shell.Invoke<string>()];
    }

    private static List<LayerShape> Layers(string path)
    {
        List<LayerShape> layers = [];
        foreach (ModelSource source in new ModelLocator().Find(path))
        {
            using Model model = Model.Open(source);
            layers.AddRange(model.Layers.Select(l => l.Shape));
        }
        return layers;
    }

    private static CompletionResult Result(LayerShape layer)
    {
        string escaped = WildcardPattern.Escape(layer.Name);
        bool plain = escaped.All(c => char.IsLetterOrDigit(c) || c is '.' or '_' or '-' or '/' or ':');
        string text = plain ? escaped : "'" + escaped.Replace("'", "''", StringComparison.Ordinal) + "'";
        return new CompletionResult(text, layer.Name, CompletionResultType.ParameterValue, $"{layer.Kind} {layer.Shape} {layer.DType}");
    }
}

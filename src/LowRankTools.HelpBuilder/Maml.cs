using System.Globalization;
using System.Xml.Linq;

namespace LowRankTools.HelpBuilder;

/// <summary>Writes command help in the XML that Get-Help reads.</summary>
internal static class Maml
{
    private static readonly XNamespace s_help = "http://msh";
    private static readonly XNamespace s_maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace s_command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace s_dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    public static XDocument Document(params XElement[] commands) => new(new XElement(s_help + "helpItems", new XAttribute("schema", "maml"),
        new XAttribute(XNamespace.Xmlns + "maml", s_maml), new XAttribute(XNamespace.Xmlns + "command", s_command),
        new XAttribute(XNamespace.Xmlns + "dev", s_dev), commands));

    /// <summary>Help of one cmdlet: what its page says, and what its assembly says.</summary>
    /// <exception cref="InvalidDataException">The page leaves something out.</exception>
    public static XElement Command(CommandInfo command, Page page)
    {
        Dictionary<string, Page.Entry> texts = page.Section("Parameters").ToDictionary(e => e.Title.TrimStart('-'), StringComparer.OrdinalIgnoreCase);
        string[] missing = [.. command.Parameters.Select(p => p.Name).Where(n => !texts.ContainsKey(n)), .. texts.Keys.Except(command.Parameters.Select(p => p.Name), StringComparer.OrdinalIgnoreCase)];
        if (missing.Length > 0 || page.Title != command.Name)
            throw new InvalidDataException($"{page.Title}: the page and the cmdlet differ in {string.Join(", ", missing)}.");
        XElement Parameter(ParameterInfo p, ParameterUse use) => Maml.Parameter(p, use, texts[p.Name]);
        return new XElement(s_command + "command",
            new XElement(s_command + "details", new XElement(s_command + "name", command.Name), new XElement(s_command + "verb", command.Verb),
                new XElement(s_command + "noun", command.Noun), Description(page.Synopsis)),
            Description([.. page.Section("Description")]),
            new XElement(s_command + "syntax", command.Sets.Select(set => new XElement(s_command + "syntaxItem", new XElement(s_maml + "name", command.Name),
                InSet(command, set).Select(p => Parameter(p.Parameter, p.Use))))),
            new XElement(s_command + "parameters", command.Parameters.OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => Parameter(p, p.Uses[0]))),
            new XElement(s_command + "inputTypes", page.Section("Inputs").Select(e => Typed("inputType", e))),
            new XElement(s_command + "returnValues", page.Section("Outputs").Select(e => Typed("returnValue", e))),
            new XElement(s_maml + "alertSet", new XElement(s_maml + "alert", page.Section("Notes").SelectMany(e => e.Paragraphs).Select(Para))),
            new XElement(s_command + "examples", page.Section("Examples").Select(Example)),
            new XElement(s_command + "relatedLinks", page.Section("Related links").SelectMany(e => e.Paragraphs)
                .Select(t => new XElement(s_maml + "navigationLink", new XElement(s_maml + "linkText", t.TrimStart('-', ' '))))));
    }

    /// <summary>The parameters of a set: by position, then mandatory ones, then the others.</summary>
    private static IEnumerable<(ParameterInfo Parameter, ParameterUse Use)> InSet(CommandInfo command, string set) => command.Parameters
        .Select(p => (Parameter: p, Use: p.Uses.FirstOrDefault(u => u.Set == set) ?? p.Uses.FirstOrDefault(u => u.Set == ParameterUse.AllSets)!))
        .Where(p => p.Use is not null).OrderBy(p => p.Use.Position ?? int.MaxValue).ThenBy(p => !p.Use.Mandatory);

    private static XElement Parameter(ParameterInfo parameter, ParameterUse use, Page.Entry text) => new(s_command + "parameter",
        new XAttribute("required", use.Mandatory), new XAttribute("variableLength", parameter.Type.IsArray), new XAttribute("globbing", parameter.Wildcards),
        new XAttribute("pipelineInput", use.Pipeline), new XAttribute("position", use.Position?.ToString(CultureInfo.InvariantCulture) ?? "named"),
        new XAttribute("aliases", parameter.Aliases.Count == 0 ? "none" : string.Join(", ", parameter.Aliases)),
        new XElement(s_maml + "name", parameter.Name), Description(text),
        parameter.Choices.Count == 0 ? null : new XElement(s_command + "parameterValueGroup", parameter.Choices.Select(Value)),
        parameter.IsSwitch ? null : Value(parameter.Type.Name),
        new XElement(s_dev + "type", new XElement(s_maml + "name", parameter.Type.Name)));

    private static XElement Value(string text) =>
        new(s_command + "parameterValue", new XAttribute("required", true), new XAttribute("variableLength", false), text);

    private static XElement Typed(string element, Page.Entry entry) => new(s_command + element,
        new XElement(s_dev + "type", new XElement(s_maml + "name", entry.Title)), Description(entry));

    private static XElement Example(Page.Entry entry, int index) => new(s_command + "example",
        new XElement(s_maml + "title", $"Example {index + 1}: {entry.Title}"),
        new XElement(s_dev + "code", string.Join("\n\n", [.. entry.Code("powershell"), .. entry.Code("text")])),
        new XElement(s_dev + "remarks", entry.Paragraphs.Select(Para)));

    private static XElement Description(params Page.Entry[] entries) =>
        new(s_maml + "description", entries.SelectMany(e => e.Blocks).Select(b => Para(b.Text)));

    private static XElement Para(string text) => new(s_maml + "para", text);
}

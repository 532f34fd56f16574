using System.Reflection;

namespace LowRankTools.HelpBuilder;

/// <summary>What the compiled cmdlet says of itself. Its attributes are read as data and never run.</summary>
internal sealed record CommandInfo(string Verb, string Noun, string? DefaultSet, IReadOnlyList<ParameterInfo> Parameters)
{
    public string Name => $"{Verb}-{Noun}";

    /// <summary>Names of the parameter sets, the default one first.</summary>
    public IReadOnlyList<string> Sets
    {
        get
        {
            string[] named = [.. Parameters.SelectMany(p => p.Uses).Select(u => u.Set).Where(s => s != ParameterUse.AllSets).Distinct()];
            return named.Length == 0 ? [ParameterUse.AllSets] : [.. named.OrderBy(s => s != DefaultSet)];
        }
    }

    /// <summary>Every cmdlet of an assembly, by name.</summary>
    public static IReadOnlyList<CommandInfo> All(Assembly assembly) =>
        [.. assembly.GetExportedTypes().Where(t => Attribute(t, "CmdletAttribute") is not null).Select(From).OrderBy(c => c.Name, StringComparer.Ordinal)];

    private static CommandInfo From(Type type)
    {
        CustomAttributeData cmdlet = Attribute(type, "CmdletAttribute")!;
        List<ParameterInfo> parameters = [.. type.GetProperties().Select(ParameterInfo.From).OfType<ParameterInfo>()];
        if (Named(cmdlet, "SupportsShouldProcess") is true)
            parameters.AddRange([ParameterInfo.Switch("WhatIf", "wi"), ParameterInfo.Switch("Confirm", "cf")]);
        return new CommandInfo((string)cmdlet.ConstructorArguments[0].Value!, (string)cmdlet.ConstructorArguments[1].Value!,
            Named(cmdlet, "DefaultParameterSetName") as string, parameters);
    }

    internal static CustomAttributeData? Attribute(MemberInfo member, string name) =>
        member.GetCustomAttributesData().FirstOrDefault(a => a.AttributeType.Name == name);

    internal static object? Named(CustomAttributeData attribute, string name) =>
        attribute.NamedArguments.FirstOrDefault(a => a.MemberName == name).TypedValue.Value;
}

/// <summary>How a parameter takes part in one set.</summary>
internal sealed record ParameterUse(string Set, bool Mandatory, int? Position, bool ByValue, bool ByName)
{
    public const string AllSets = "__AllParameterSets";

    public string Pipeline => (ByValue, ByName) switch
    {
        (true, true) => "true (ByValue, ByPropertyName)",
        (true, false) => "true (ByValue)",
        (false, true) => "true (ByPropertyName)",
        _ => "false",
    };
}

/// <summary>A parameter of a cmdlet.</summary>
internal sealed record ParameterInfo(string Name, Type Type, IReadOnlyList<string> Aliases, IReadOnlyList<string> Choices, bool Wildcards, IReadOnlyList<ParameterUse> Uses)
{
    public bool IsSwitch => Type.Name == "SwitchParameter";

    public static ParameterInfo Switch(string name, string alias) => new(name, typeof(System.Management.Automation.SwitchParameter), [alias], [], false,
        [new ParameterUse(ParameterUse.AllSets, false, null, false, false)]);

    public static ParameterInfo? From(PropertyInfo property)
    {
        ParameterUse[] uses = [.. property.GetCustomAttributesData().Where(a => a.AttributeType.Name == "ParameterAttribute").Select(Use)];
        if (uses.Length == 0)
            return null;
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        Type element = type.IsArray ? type.GetElementType()! : type;
        return new ParameterInfo(property.Name, type, Strings(property, "AliasAttribute"),
            element.IsEnum ? Enum.GetNames(element) : Strings(property, "ValidateSetAttribute"),
            CommandInfo.Attribute(property, "SupportsWildcardsAttribute") is not null, uses);
    }

    private static ParameterUse Use(CustomAttributeData attribute) => new(
        CommandInfo.Named(attribute, "ParameterSetName") as string ?? ParameterUse.AllSets,
        CommandInfo.Named(attribute, "Mandatory") is true,
        CommandInfo.Named(attribute, "Position") as int?,
        CommandInfo.Named(attribute, "ValueFromPipeline") is true,
        CommandInfo.Named(attribute, "ValueFromPipelineByPropertyName") is true);

    private static string[] Strings(PropertyInfo property, string attribute) =>
        CommandInfo.Attribute(property, attribute)?.ConstructorArguments[0].Value is IReadOnlyCollection<CustomAttributeTypedArgument> values
            ? [.. values.Select(v => (string)v.Value!)] : [];
}

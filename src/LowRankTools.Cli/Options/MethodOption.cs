using System.CommandLine;
using LowRankTools.Core;

namespace LowRankTools.Cli.Options;

/// <summary><c>--method</c>: what convolutions become.</summary>
internal static class MethodOption
{
    public static Option<string?> Create() => SharedOptions.Choice("--method", "Make convolutions chains of smaller ones, by this method; without it they stay as they are.", Enum.GetNames<FactorMethod>());

    public static FactorMethod? Choice(string? name) => name is null ? null : Enum.Parse<FactorMethod>(name, ignoreCase: true);
}

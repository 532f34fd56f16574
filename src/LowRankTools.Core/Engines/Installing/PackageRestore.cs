using System.Security;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines.Installing;

/// <summary>
/// Brings the libraries of a package by way of a project of one reference: the SDK finds the sources, checks signatures and hashes,
/// goes on from its own cache after an interruption, and runs what the package itself does to its files.
/// </summary>
internal sealed class PackageRestore(DotnetSdk sdk, EngineLibrary library, EnginePackage package, IReadOnlyList<string> sources)
{
    private const string Libraries = "libraries";
    private const int SaidAtMost = 200;

    private readonly List<string> _said = [];

    /// <summary>Brings the package.</summary>
    /// <param name="folder">Empty folder to work in.</param>
    /// <param name="said">Gets what the client says.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Folder of the libraries, inside of the one given.</returns>
    /// <exception cref="LowRankToolsException"><c>EnginePackageNotFound</c>, <c>EngineInstallFailed</c>.</exception>
    public string Run(string folder, Action<string> said, CancellationToken cancellationToken)
    {
        Write(folder);
        int code = sdk.Run(folder, ["msbuild", "engine.proj", "-restore", "-t:LayOut", "-nologo", "-v:minimal", "-nodeReuse:false"], line =>
        {
            if (_said.Count < SaidAtMost)
                _said.Add(line);
            said(line);
        }, cancellationToken);
        string libraries = Path.Combine(folder, Libraries);
        return code == 0 && library.At(libraries) is not null ? libraries : throw Failed();
    }

    // Files of these names stop the search for settings of projects above.
    private void Write(string folder)
    {
        File.WriteAllText(Path.Combine(folder, "Directory.Build.props"), "<Project />");
        File.WriteAllText(Path.Combine(folder, "Directory.Build.targets"), "<Project />");
        File.WriteAllText(Path.Combine(folder, "Directory.Packages.props"), "<Project />");
        string chosen = sources.Count == 0 ? string.Empty : $"<RestoreSources>{SecurityElement.Escape(string.Join(';', sources))}</RestoreSources>";
        File.WriteAllText(Path.Combine(folder, "engine.proj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>{sdk.Framework}</TargetFramework>
                <RuntimeIdentifier>{library.Platform}</RuntimeIdentifier>
                <SelfContained>false</SelfContained>
                <UseAppHost>false</UseAppHost>
                <NuGetAudit>false</NuGetAudit>
                {chosen}
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{package.Id}" Version="[{library.Version}]" />
              </ItemGroup>
              <Target Name="LayOut" DependsOnTargets="ResolveReferences;PrepareForBuild">
                <Copy SourceFiles="@(NativeCopyLocalItems)" DestinationFolder="{Libraries}" UseHardlinksIfPossible="true" />
              </Target>
            </Project>
            """);
    }

    private LowRankToolsException Failed()
    {
        string text = string.Join('\n', _said);
        InvalidOperationException cause = new(text);
        string where = sources.Count == 0 ? "No package source that this machine has configured" : "No package source that was given";
        if (_said.Any(l => l.Contains("NU1101", StringComparison.Ordinal) || l.Contains("NU1102", StringComparison.Ordinal) || l.Contains("NU1103", StringComparison.Ordinal)))
        {
            return new LowRankToolsException(CoreErrors.EnginePackageNotFound, $"{where} has {package.Id} {library.Version}.",
                $"Name one that has it with -Source, or give a folder with {library.Title} {library.Version} as {library.Parameter}.", cause);
        }
        string first = _said.FirstOrDefault(l => l.Contains("error", StringComparison.OrdinalIgnoreCase)) ?? _said.FirstOrDefault() ?? "it said nothing";
        return new LowRankToolsException(CoreErrors.EngineInstallFailed, $"{package.Id} {library.Version} could not be brought: {first}",
            "What is downloaded already is kept: run the command again, or name another source with -Source.", cause);
    }
}

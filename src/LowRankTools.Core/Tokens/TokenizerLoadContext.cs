using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.Loader;
using LowRankTools.Formats.Tokens;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tokens;

/// <summary>Keeps the library of tokenizers to itself: another module may bring it in another version. Shared are the assemblies of the contract.</summary>
/// <param name="folder">Folder of the library's assemblies.</param>
internal sealed class TokenizerLoadContext(string folder) : AssemblyLoadContext(Path.GetFileName(folder))
{
    private static readonly Assembly[] s_contract = [typeof(ITokenizer).Assembly, typeof(LowRankToolsException).Assembly];

    /// <inheritdoc/>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Programs that load assemblies are not trimmed.")]
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        string path = Path.Combine(folder, assemblyName.Name + ".dll");
        return Array.Find(s_contract, a => a.GetName().Name == assemblyName.Name) ?? (File.Exists(path) ? LoadFromAssemblyPath(path) : null);
    }
}

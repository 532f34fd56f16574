using System.Reflection;
using System.Runtime.Loader;

namespace LowRankTools.Interactive;

/// <summary>
/// Loads Plotly.NET into a notebook's process. Plotly.NET 6 wants a newer FSharp.Core than .NET Interactive brings, and one process
/// context holds one version of an assembly: so Plotly.NET and what it needs are loaded from a folder of their own, into a context
/// of their own, and the default context is told where to find them.
/// </summary>
internal sealed class PlotlyLoader : AssemblyLoadContext
{
    private static PlotlyLoader? s_attached;

    private readonly string _folder;

    private PlotlyLoader(string folder) : base("Plotly.NET") => _folder = folder;

    /// <summary>Serves the assemblies of a folder to whoever asks for what the process does not have; once a process.</summary>
    /// <param name="folder">Folder with Plotly.NET and all that it references beyond the base class library.</param>
    public static void Attach(string folder)
    {
        PlotlyLoader loader = new(folder);
        if (Interlocked.CompareExchange(ref s_attached, loader, null) is null)
            Default.Resolving += (_, name) => loader.Load(name);
    }

    /// <inheritdoc />
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        string path = Path.Combine(_folder, assemblyName.Name + ".dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }
}

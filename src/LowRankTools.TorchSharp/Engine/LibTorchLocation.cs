using System.Diagnostics;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>The libtorch that this process has loaded.</summary>
internal static class LibTorchLocation
{
    private static readonly string[] s_files = Files();

    /// <summary>Folder of its libraries; empty where none is loaded.</summary>
    public static string Folder => Path.GetDirectoryName(Find("torch_cpu")) ?? string.Empty;

    /// <summary>Whether it is a build for CUDA.</summary>
    public static bool IsForCuda => Find("torch_cuda") is not null;

    private static string? Find(string name) => s_files.FirstOrDefault(file => Path.GetFileNameWithoutExtension(file) is { } found && (found == name || found == "lib" + name));

    private static string[] Files()
    {
        using Process process = Process.GetCurrentProcess();
        return [.. process.Modules.Cast<ProcessModule>().Select(module => module.FileName)];
    }
}

namespace LowRankTools.Core.Tests;

/// <summary>A folder that goes with its test.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("lowrank-core-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Touch(string name)
    {
        string full = this[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(full)!);
        File.WriteAllText(full, "");
        return full;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

namespace LowRankTools.Formats.Tests.Safetensors;

/// <summary>A folder of its own for one test, gone afterwards.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("lowrank-test-").FullName;

    /// <summary>Full path of a name in the folder.</summary>
    public string this[string name] => Path.Combine(Root, name);

    /// <summary>Writes a file and returns its full path.</summary>
    public string Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

namespace LowRankTools.Fuzzing.Inputs;

/// <summary>A link that lies where a file of the model should.</summary>
internal sealed record FuzzLink(string Name, string Target);

/// <summary>One input: files, links, and what was done to them. Its seed makes it again.</summary>
internal sealed record FuzzInput(int Seed, string Model, string Entry, FileKind Kind, IReadOnlyList<(string Name, byte[] Bytes)> Files, IReadOnlyList<FuzzLink> Links, IReadOnlyList<string> Steps)
{
    public byte[] EntryBytes => Files.First(f => f.Name == Entry).Bytes;

    /// <summary>Puts the files into an empty folder; returns the path to open.</summary>
    public string Write(string folder)
    {
        foreach ((string name, byte[] bytes) in Files)
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
        foreach (FuzzLink link in Links)
        {
            string path = Path.Combine(folder, link.Name);
            File.Delete(path);
            File.CreateSymbolicLink(path, link.Target);
        }
        return Path.Combine(folder, Entry);
    }

    public override string ToString() => $"seed {Seed}: {Model}, {string.Join(", ", Steps)}";
}

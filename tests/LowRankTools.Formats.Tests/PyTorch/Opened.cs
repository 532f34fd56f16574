using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>Bytes opened as a model file, and what is wrong with them.</summary>
internal sealed class Opened : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-torch-").FullName;

    public Opened(byte[] bytes, string name = "model.pt")
    {
        string path = Path.Combine(_folder, name);
        System.IO.File.WriteAllBytes(path, bytes);
        try
        {
            File = TensorFiles.Open(path);
        }
        catch
        {
            Directory.Delete(_folder, recursive: true);
            throw;
        }
    }

    public TensorFile File { get; }

    public string[] Names => [.. File.Tensors.Select(t => t.Name)];

    public TensorInfo this[string name] => File.Tensors.Single(t => t.Name == name);

    public static string ErrorOf(byte[] bytes) => Assert.Throws<ModelFormatException>(() => new Opened(bytes).Dispose()).ErrorId;

    public static string[] NamesOf(object? value, params byte[][] storages)
    {
        using Opened opened = new(T.Archive(value, storages));
        return opened.Names;
    }

    public byte[] Bytes(string name)
    {
        byte[] bytes = new byte[this[name].ByteLength];
        File.ReadBytes(this[name], 0, bytes);
        return bytes;
    }

    public float[] Values(string name)
    {
        float[] values = new float[this[name].ElementCount];
        File.ReadSingles(this[name], 0, values);
        return values;
    }

    public void Dispose()
    {
        File.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

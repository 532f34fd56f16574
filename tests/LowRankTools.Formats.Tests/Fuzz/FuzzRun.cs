using System.Reflection;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.Fuzz;

/// <summary>
/// Feeds damaged files to the reader. What must hold: it opens and every value reads, or there is one
/// <see cref="ModelFormatException"/> with a listed id and the file's name; and memory stays in proportion.
/// </summary>
internal static class FuzzRun
{
    private const long AllowedAllocation = 64L * 1024 * 1024;

    private static readonly HashSet<string> s_ids = typeof(FormatErrors)
        .GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetValue(null)!).ToHashSet(StringComparer.Ordinal);

    /// <summary>Reads every input; returns how many were refused, so that a test can see that damage was found.</summary>
    /// <param name="inputs">Damaged files.</param>
    /// <param name="fileName">Name that each of them gets.</param>
    /// <param name="companions">Whole files that lie beside it: shards, external data.</param>
    public static int ReadAll(IEnumerable<byte[]> inputs, string fileName, params (string Name, byte[] Bytes)[] companions)
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-fuzz-").FullName;
        int refused = 0;
        try
        {
            string path = Path.Combine(folder, fileName);
            foreach ((string name, byte[] bytes) in companions)
                File.WriteAllBytes(Path.Combine(folder, name), bytes);
            foreach (byte[] input in inputs)
            {
                File.WriteAllBytes(path, input);
                if (!Survives(path))
                    refused++;
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return refused;
    }

    private static bool Survives(string path)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool opened = true;
        try
        {
            using TensorFile file = TensorFiles.Open(path);
            foreach (TensorInfo tensor in file.Tensors)
                ReadValues(file, tensor);
        }
        catch (ModelFormatException e)
        {
            Assert.Contains(e.ErrorId, s_ids);
            Assert.Contains(Path.GetDirectoryName(path)!, e.Message, StringComparison.Ordinal);
            opened = false;
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, AllowedAllocation);
        return opened;
    }

    /// <summary>A header that was accepted must be true: every byte it promises is there.</summary>
    private static void ReadValues(TensorFile file, TensorInfo tensor)
    {
        if (tensor.ByteLength > 0)
        {
            file.ReadBytes(tensor, 0, new byte[Math.Min(tensor.ByteLength, 4096)]);
            file.ReadBytes(tensor, tensor.ByteLength - 1, new byte[1]);
        }
        if (TensorConversion.IsReadable(tensor.DType) && tensor.ElementCount > 0)
            file.ReadSingles(tensor, 0, new float[Math.Min(tensor.ElementCount, 1024)]);
    }
}

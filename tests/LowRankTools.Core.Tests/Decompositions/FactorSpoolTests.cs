using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Tests.Decompositions;

public sealed class FactorSpoolTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Entries_come_back_in_any_order_and_nobody_sees_the_file()
    {
        string folder = _folder["output"];
        Directory.CreateDirectory(folder);
        OutputLocation location = Location(Path.Combine(folder, "deeper", "still"));
        using (FactorSpool spool = FactorSpool.For(location))
        {
            Dictionary<string, float[]> kept = [];
            foreach ((string name, int rows, int columns) in new[] { ("a.core", 3, 5), ("a.factor0", 1, 1), ("b.core", 40, 7) })
            {
                using Matrix<float> values = Matrix<float>.Uninitialized(rows, columns);
                new DeterministicRandom((ulong)rows).FillGaussian(values.RowBlock(0, rows));
                kept[name] = values.RowBlock(0, rows).ToArray();
                spool.Add(name, values);
            }

            foreach (string name in new[] { "b.core", "a.core", "a.factor0", "b.core" })
            {
                using Matrix<float> values = spool.Read(name);
                Assert.Equal(kept[name], values.RowBlock(0, values.Rows).ToArray());
            }

            // Elsewhere the system deletes it when the process ends, however it ends.
            if (!OperatingSystem.IsWindows())
                Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    private OutputLocation Location(string path) => OutputLocation.Resolve(path, new ModelSource(_folder["in/m.safetensors"], "m"), LowRankTools.Formats.ModelFormat.Safetensors, "-x");
}

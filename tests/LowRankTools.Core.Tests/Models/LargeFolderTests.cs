using LowRankTools.Core.Models;

namespace LowRankTools.Core.Tests.Models;

/// <summary>Folders of many small models cost what one small model costs, many times, and nothing more.</summary>
public sealed class LargeFolderTests : IDisposable
{
    private const int Models = 10_000;

    /// <summary>A header of one tensor, its layer, the names and paths: 20 kB are generous.</summary>
    private const long BytesAModel = 20_000;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Ten_thousand_models_are_found_and_counted_within_bounds()
    {
        byte[] bytes = File.ReadAllBytes(TestModel.Write(_folder["first/model.safetensors"], TestModel.Random("a.weight", 1, 4, 4)));
        for (int i = 0; i < Models; i++)
        {
            // A flat folder and one of many folders are searched by different paths.
            string path = i % 2 == 0 ? _folder[$"many/flat/{i:D5}.safetensors"] : _folder[$"many/{i % 100}/{i:D5}.safetensors"];
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
        }
        Count(_folder["first"]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal((Models, Models * 16L), Count(_folder["many"]));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Models * BytesAModel);
    }

    /// <summary>What only grows with the square of a folder shows in a tenth of it.</summary>
    [Fact]
    public void Memory_grows_in_proportion_to_the_folder()
    {
        foreach (int i in Enumerable.Range(0, 2000))
            TestModel.Write(_folder[i < 200 ? $"small/{i}.safetensors" : $"large/{i}.safetensors"], TestModel.Random("a.weight", 1, 2, 2));
        Count(_folder["small"]);
        long start = GC.GetAllocatedBytesForCurrentThread();
        Count(_folder["small"]);
        long small = GC.GetAllocatedBytesForCurrentThread() - start;
        Count(_folder["large"]);
        long large = GC.GetAllocatedBytesForCurrentThread() - start - small;
        Assert.InRange(large, 0, small * 9 * 3 / 2);
    }

    private static (int Models, long Parameters) Count(string folder)
    {
        (int models, long parameters) = (0, 0);
        foreach (ModelSource source in new ModelLocator().Find(folder, recurse: true))
        {
            using Model model = Model.Open(source);
            models++;
            parameters += model.Layers.Sum(l => l.Shape.Parameters);
        }
        return (models, parameters);
    }
}

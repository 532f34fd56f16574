using LowRankTools.Formats;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Models;

/// <summary>
/// Decides what is one model: a shard index with all its shards; a model that a folder holds as safetensors and as
/// PyTorch; every other weight file by itself. A shard that is named alone stands for its whole model.
/// One locator serves one run and hands out each model once.
/// </summary>
/// <param name="warn">Is told what a folder holds that looks like a model and is passed over, and why; null to tell nobody.</param>
/// <param name="takesAddresses">Whether addresses of models on servers are taken, of which only headers can be read.</param>
public sealed class ModelLocator(Action<string>? warn = null, bool takesAddresses = false)
{
    private readonly HashSet<string> _found = new(StringComparer.Ordinal);

    /// <summary>Whether a file is called as model files are; nothing is opened.</summary>
    public static bool LooksLikeModel(string path) => ModelFileNames.LooksLikeModel(path);

    /// <summary>Finds the models at a path.</summary>
    /// <param name="path">A file or a folder, or an address.</param>
    /// <param name="recurse">Whether subfolders are searched too; links to folders are not followed.</param>
    /// <returns>Models that this locator has not handed out before, in the order of their paths.</returns>
    /// <exception cref="LowRankToolsException"><c>PathNotFound</c>, <c>NoModelsFound</c>, <c>NotARegularFile</c>, <c>FileNameInvalid</c>;
    /// <c>RemoteAddressRefused</c>: it is an address and none is taken.</exception>
    public IReadOnlyList<ModelSource> Find(string path, bool recurse = false)
    {
        if (RemoteAddress.Is(path))
            return !takesAddresses ? throw RemoteModels.NotTaken(path) : _found.Add(path) ? [RemoteModels.Source(path)] : [];
        string full = Path.GetFullPath(path);
        List<ModelSource> models = [];
        if (File.Exists(full))
            models = [Owner(full)];
        else if (Directory.Exists(full))
            Search(full, recurse, models);
        else if (RegularFile.IsSomethingElse(full, out string kind))
            throw new ModelFormatException(FormatErrors.NotARegularFile, $"This is {kind} and no regular file.", full);
        else
        {
            RawNames.Check(full);
            throw new LowRankToolsException(CoreErrors.PathNotFound, $"{path}: there is no such file or folder.", "Check the path.");
        }
        if (models.Count == 0)
        {
            throw new LowRankToolsException(CoreErrors.NoModelsFound, $"{path}: the folder holds no model files.",
                recurse ? "Name a folder that does." : "Use -Recurse to search its subfolders.");
        }
        return [.. models.Where(m => _found.Add(m.Path))];
    }

    private void Search(string folder, bool recurse, List<ModelSource> models)
    {
        models.AddRange(InFolder(folder));
        if (!recurse)
            return;
        EnumerationOptions options = new() { AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden };
        foreach (string sub in Directory.EnumerateDirectories(folder, "*", options).Order(StringComparer.Ordinal))
        {
            try
            {
                RawNames.Check(sub);
                Search(sub, recurse, models);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ModelFormatException)
            {
                // One folder that cannot be read says nothing about the others.
                warn?.Invoke($"{sub}: the folder is passed over: {e.Message}");
            }
        }
    }

    private List<ModelSource> InFolder(string folder)
    {
        List<string> files = [.. Directory.EnumerateFiles(folder).Where(ModelFileNames.LooksLikeModel).Where(IsFile).Order(StringComparer.Ordinal)];
        HashSet<string> parts = new(StringComparer.Ordinal);
        List<string> models = [];
        foreach (string index in files.Where(f => ModelFileNames.IsIndex(f) || ModelFileNames.IsTensorFlowJs(f)))
        {
            if (ModelParts.TryList(index, out IReadOnlyList<string> owned))
                parts.UnionWith(owned);
            else if (!ModelFileNames.IsIndex(index))
                continue; // a model.json of something else
            models.Add(index);
        }
        models.AddRange(files.Where(f => !f.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && !parts.Contains(f)).Select(WholeModel).Distinct(StringComparer.Ordinal).Except(models).ToList());
        models.Sort(StringComparer.Ordinal);
        return PreferSafetensors(models);
    }

    /// <summary>
    /// A shard that this program wrote and no index names is no model: a run was ended before its index stood. It stands for
    /// that index, which says what belongs to the model, or is missed when the model is opened.
    /// </summary>
    private static string WholeModel(string file) =>
        ShardNames.StemOf(file) is { } stem && SafetensorsFile.ShardSetOf(file) is not null ? Path.Combine(Path.GetDirectoryName(file)!, stem + ".safetensors" + ModelFileNames.IndexSuffix) : file;

    private bool IsFile(string path)
    {
        if (!RegularFile.IsSomethingElse(path, out string kind))
            return true;
        warn?.Invoke($"{path}: this is {kind} and no regular file; it is passed over.");
        return false;
    }

    private static List<ModelSource> PreferSafetensors(List<string> files)
    {
        List<ModelSource> models = [];
        foreach (IGrouping<string, string> same in files.GroupBy(ModelFileNames.SharedStem, StringComparer.Ordinal))
        {
            string? preferred = same.FirstOrDefault(f => ModelFileNames.IsSafetensors(f) && ModelFileNames.IsIndex(f))
                ?? same.FirstOrDefault(ModelFileNames.IsSafetensors);
            List<string> others = preferred is null ? [] : [.. same.Where(f => f != preferred && ModelFileNames.IsPyTorch(f))];
            string note = others.Count == 0 ? "" : $"Also there as {string.Join(", ", others.Select(Path.GetFileName))}, which is taken for the same model and left alone.";
            foreach (string file in same.Except(others))
                models.Add(new ModelSource(file, ModelFileNames.ModelName(file), file == preferred ? note : ""));
        }
        models.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return models;
    }

    /// <summary>The model that a file belongs to: the index that lists it, or the file itself.</summary>
    private static ModelSource Owner(string file)
    {
        if (ModelFileNames.IsIndex(file) || ModelFileNames.IsTensorFlowJs(file))
            return new ModelSource(file, ModelFileNames.ModelName(file));
        IEnumerable<string> indexes = Directory.EnumerateFiles(Path.GetDirectoryName(file)!, "*.json").Where(f => ModelFileNames.IsIndex(f) || ModelFileNames.IsTensorFlowJs(f));
        foreach (string index in indexes.Order(StringComparer.Ordinal))
        {
            if (ModelParts.TryList(index, out IReadOnlyList<string> owned) && owned.Contains(file))
                return new ModelSource(index, ModelFileNames.ModelName(index), $"{Path.GetFileName(file)} is one of its {owned.Count} shards.");
        }
        return new ModelSource(file, ModelFileNames.ModelName(file));
    }
}

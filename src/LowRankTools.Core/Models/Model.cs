using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>An opened model: its file and its layers. Nothing but headers has been read.</summary>
public sealed class Model : IDisposable
{
    private Model(ModelSource source, TensorFile file)
    {
        Source = source;
        File = file;
        Record = FactorizationRecord.Find(file);
        Decompositions = DecompositionRecord.Find(file);
        Layers = LayerList.Build(source, file, Record, Decompositions);
    }

    /// <summary>Where the model was found.</summary>
    public ModelSource Source { get; }

    /// <summary>The opened file, for reading values.</summary>
    public TensorFile File { get; }

    /// <summary>Every tensor, in the order of the file; aliases that the file only names come last.</summary>
    public IReadOnlyList<ModelLayer> Layers { get; }

    /// <summary>How the model was factorized, where it says so; null for a model that is dense.</summary>
    public FactorizationRecord? Record { get; }

    /// <summary>Which tensors stand as factors of a decomposition, where the model says so; null where it says of none.</summary>
    public DecompositionRecord? Decompositions { get; }

    /// <summary>Opens a model.</summary>
    /// <exception cref="ModelFormatException">The file is damaged or of no known format.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Model Open(ModelSource source)
    {
        TensorFile file = TensorFile.Open(source.Path);
        try
        {
            return new Model(source, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();
}

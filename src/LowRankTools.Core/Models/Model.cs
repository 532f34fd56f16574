using LowRankTools.Core.Layers;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Models;

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
    public IReadOnlyList<ModelLayer> Layers { get; private set; }

    /// <summary>How the model was factorized, where it says so; null for a model that is dense.</summary>
    public FactorizationRecord? Record { get; }

    /// <summary>Which tensors stand as factors of a decomposition, where the model says so; null where it says of none.</summary>
    public DecompositionRecord? Decompositions { get; }

    /// <summary>Opens a model on this machine.</summary>
    /// <exception cref="ModelFormatException">The file is damaged or of no known format; <c>RemoteAddressRefused</c>: it lies on a server.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Model Open(ModelSource source) =>
        source.IsRemote ? throw RemoteModels.NotTaken(source.Path) : Open(source, TensorFiles.Open(source.Path));

    /// <summary>Opens a model of which headers will do: on this machine, or on a server.</summary>
    /// <param name="source">The model.</param>
    /// <param name="remote">How servers are asked; null for the defaults.</param>
    /// <exception cref="ModelFormatException">The file is damaged or of no known format; the server fails, see the ids that begin with Remote.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while a server was asked.</exception>
    public static Model OpenHeaders(ModelSource source, RemoteOptions? remote = null) =>
        source.IsRemote ? Open(source, TensorFiles.OpenRemote(source.Path, remote)) : Open(source);

    /// <summary>Takes kernels of whose use the file says nothing for those of transposed convolutions.</summary>
    /// <param name="named">Which, by name.</param>
    internal void TakeAsTransposed(Predicate<string> named) => Layers =
    [
        .. Layers.Select(l => !l.Shape.IsKernel || l.Tensor.Role != TensorRole.Unknown || !named(l.Shape.Name) ? l
            : new ModelLayer(l.Tensor.As(TensorRole.TransposedConvolution), l.Shape with { InFeatures = l.Shape.OutFeatures, OutFeatures = l.Shape.InFeatures })),
    ];

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();

    private static Model Open(ModelSource source, TensorFile file)
    {
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
}

using LowRankTools.Core.Adapters;
using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// A model as a network that runs: chosen by its configuration, its weights loaded, dense layers, pairs and TT-matrices each as
/// the file has them.
/// </summary>
public sealed class RunnableModel : IDisposable
{
    private RunnableModel(ModelSource source, Transformer network, INetworkEngine engine, IReadOnlyList<string> pairs, ModelWeights weights)
    {
        Source = source;
        Network = network;
        Engine = engine;
        PairLayers = pairs;
        Tensors = weights.FileNames;
        StoredInOut = weights.StoredInOut;
    }

    /// <summary>Where the model was found.</summary>
    public ModelSource Source { get; }

    /// <summary>The network.</summary>
    public Transformer Network { get; }

    /// <summary>Its shape.</summary>
    public TransformerConfig Config => Network.Config;

    /// <summary>Where it computes.</summary>
    public INetworkEngine Engine { get; }

    /// <summary>Parameters, tied ones counted once.</summary>
    public long Parameters => Network.CountParameters();

    /// <summary>Bytes of the parameters in memory.</summary>
    public long ParameterBytes => Parameters * sizeof(float);

    /// <summary>Names of the layers that are low-rank pairs or TT-matrices; none in a dense model.</summary>
    public IReadOnlyList<string> PairLayers { get; }

    /// <summary>Whether any layer is one.</summary>
    public bool IsFactorized => PairLayers.Count > 0;

    /// <summary>For each parameter of the network the name of its tensor in the file.</summary>
    public IReadOnlyDictionary<string, string> Tensors { get; }

    /// <summary>Names of the parameters that the file stores (in, out).</summary>
    internal IReadOnlySet<string> StoredInOut { get; }

    /// <summary>Opens a model: a folder with a config.json and weights, or a weight file beside one.</summary>
    /// <param name="path">Folder or file of one model.</param>
    /// <param name="threads">Threads that compute; zero for all cores.</param>
    /// <param name="progress">Told about every tensor.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    /// <exception cref="LowRankToolsException"><c>PathNotFound</c>, <c>NoModelsFound</c>, <c>SeveralModelsFound</c>, <c>ConfigNotFound</c>, <c>ConfigInvalid</c>,
    /// <c>ArchitectureUnsupported</c>, <c>WeightsDoNotFit</c>, and those of the weight file.</exception>
    public static RunnableModel Open(string path, int threads = 0, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<ModelSource> models = new ModelLocator().Find(path);
        if (models.Count > 1)
        {
            throw new LowRankToolsException(CoreErrors.SeveralModelsFound, $"{path}: the folder holds {models.Count} models: {string.Join(", ", models.Take(3).Select(m => Path.GetFileName(m.Path)))}.",
                "Name one of its files.");
        }
        return Open(models[0], threads, progress, cancellationToken);
    }

    /// <summary>Opens a model that was found before.</summary>
    public static RunnableModel Open(ModelSource source, int threads = 0, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Open(source, new EmbeddedEngine(new ComputeOptions { ThreadCount = threads }), progress, cancellationToken);

    /// <summary>Opens a model that was found before on any engine.</summary>
    public static RunnableModel Open(ModelSource source, INetworkEngine engine, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Open(source, null, engine, progress, cancellationToken);

    /// <summary>Opens a model with an adapter beside its weights: its factors are multiplied as they are, and no weight changes.</summary>
    /// <param name="source">The model.</param>
    /// <param name="adapter">The adapter, of linear layers; null for none.</param>
    /// <param name="engine">Where it computes.</param>
    /// <param name="progress">Told about every tensor.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    /// <exception cref="LowRankToolsException">As above; those of <see cref="Adapter.Open"/>, <c>AdapterDoesNotFit</c>, <c>AdapterPartNotCarried</c>, <c>AdapterUnsupported</c>.</exception>
    public static RunnableModel Open(ModelSource source, ModelSource? adapter, INetworkEngine engine, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using Adapter? beside = adapter is null ? null : Adapter.Open(adapter);
        using Model model = Model.Open(source);
        (TransformerConfig config, ModelWeights weights) = ArchitectureCatalog.Recognize(model);
        // Shapes are compared before any memory is asked for: a file's claims are bounded by what it holds.
        Transformer network = Transformer.Create(config, ParameterFactory.ShapesOnly);
        try
        {
            IReadOnlyList<string> pairs = PairPlacement.PlacePairs(network, weights);
            WeightFit.Require(source, network, weights);
            network.Load(engine, new ReportedWeights(weights, network, progress), ct: cancellationToken);
            if (beside is not null)
                AdapterPlacement.Place(beside, model, network, weights.FileNames, engine, cancellationToken);
            return new RunnableModel(source, network, engine, pairs, weights);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Runs the network forward.</summary>
    /// <param name="batch">What it reads; <see cref="NetworkBatch.MadeUp"/> makes something up.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>The caller's to dispose of.</returns>
    public NetworkOutput Forward(NetworkBatch batch, CancellationToken cancellationToken = default)
    {
        using Pass pass = Pass.Inference(Engine, cancellationToken);
        return Network.Forward(pass, batch);
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => Network.Dispose();
}

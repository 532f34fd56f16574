using System.Runtime.InteropServices;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// Writes a model folder from a configuration: <c>config.json</c> and <c>model.safetensors</c> with made-up weights of
/// realistic spectra, something to count, factorize, run and time without a download; or with the weights of a network.
/// </summary>
public sealed class ModelFolder(TransformerConfig config)
{
    /// <summary>Singular values fall as i^-0.5: between the flat spectra of attention outputs and the steep ones of queries.</summary>
    private const double Decay = 0.5;

    private const double WeightRms = 0.02;

    /// <summary>Keeps the tensors of neighbouring seeds apart.</summary>
    private const int SeedStep = 1_000_003;

    /// <summary>Number of parameters, tied ones once.</summary>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>.</exception>
    public long CountParameters()
    {
        using Transformer network = Transformer.Create(config, ParameterFactory.ShapesOnly);
        return network.CountParameters();
    }

    /// <summary>Chooses the weights; the same seed gives the same bytes.</summary>
    public int Seed { get; init; }

    /// <summary>Whether an existing model in the folder is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>A network of this configuration, whose weights are written, and its engine; null for made-up weights.</summary>
    public (Transformer Network, INetworkEngine Engine)? Trained { get; init; }

    /// <summary>Writes the folder.</summary>
    /// <param name="folder">Created where it is absent.</param>
    /// <param name="progress">Told about every tensor, in bytes.</param>
    /// <param name="cancellationToken">Stops between tensors; nothing is left behind.</param>
    /// <returns>The model.</returns>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>, <c>OutputExists</c>, <c>OutputNotWritable</c>, <c>DiskFull</c>,
    /// <c>NonFiniteValues</c>: a weight of <see cref="Trained"/> is no number.</exception>
    public ModelSource Write(string folder, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        byte[] fields = ConfigWriter.Write(config);
        WeightLayout layout = WeightLayout.Of(config.ModelType);
        List<TensorSpec> tensors = [];
        Dictionary<string, Parameter> trained = Trained?.Network.StateDict().DistinctBy(p => p.Name).ToDictionary(p => p.Name, p => p.Parameter, StringComparer.Ordinal) ?? [];
        Dictionary<string, string> metadata = new(StringComparer.Ordinal) { ["format"] = "pt" };
        using (Transformer network = Transformer.Create(config, ParameterFactory.ShapesOnly))
        {
            foreach (IGrouping<Parameter, NamedParameter> names in network.StateDict().GroupBy(p => p.Parameter))
            {
                string kept = names.First().Name;
                long[] shape = [.. names.Key.Shape.Select(s => (long)s)];
                tensors.Add(new TensorSpec(kept, TensorDType.F32, [.. layout.IsInOut(kept) ? shape.Reverse() : shape]));
                // The convention of safetensors is to note the names of what is tied.
                foreach (NamedParameter tied in names.Skip(1))
                    metadata[tied.Name] = kept;
            }
        }
        string full = Path.GetFullPath(folder), weights = Path.Combine(full, "model.safetensors");
        OutputLocation location = new(full, weights, Path.Combine(full, FactorizationRecord.FileName), OwnFolder: true);
        OutputCheck.Free([weights, Path.Combine(full, ConfigFile.FileName)], Force);
        using ModelOutput output = ModelOutput.Create(new OutputRequest(location, ModelFormat.Safetensors, tensors, metadata) { Force = Force });
        long done = 0, total = tensors.Sum(t => t.ByteLength);
        for (int i = 0; i < tensors.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Writing", tensors[i].Name, done, total));
            TensorSpec tensor = tensors[i];
            int seed = unchecked(Seed * SeedStep + i);
            if (Trained is { } own)
                Write(output, tensor, own.Engine, trained[tensor.Name], layout.IsInOut(tensor.Name), cancellationToken);
            else
                output.Writing(() => Write(output.Writer, tensor, seed));
            done += tensor.ByteLength;
        }
        return new ModelSource(output.Complete(metadata, record: null, companionsFrom: null, config: fields), Path.GetFileName(full));
    }

    private static void Write(ModelOutput output, TensorSpec tensor, INetworkEngine engine, Parameter parameter, bool inOut, CancellationToken cancellationToken)
    {
        using Matrix<float> matrix = engine.ToMatrix(parameter.Value);
        MatrixRows.Write(output, tensor, inOut ? matrix.Transposed : matrix.View, "the network", cancellationToken);
    }

    private static void Write(ITensorWriter writer, TensorSpec tensor, int seed)
    {
        writer.Begin(tensor);
        if (tensor.Shape.Length >= 2)
        {
            int rows = (int)tensor.Shape[0], columns = checked((int)(tensor.ByteLength / sizeof(float) / rows));
            // Sides that are no powers of two are cut out of such: their spectra fall alike.
            using Matrix<float> matrix = SpectralMatrix.Create(PowerOfTwo(rows), PowerOfTwo(columns), Decay, WeightRms, seed);
            for (int i = 0; i < rows; i++)
                writer.Write(MemoryMarshal.AsBytes(matrix.Row(i)[..columns]));
            return;
        }
        // Normalisations start as one, biases as small noise.
        Random random = new(seed);
        bool norm = tensor.Name.EndsWith("weight", StringComparison.Ordinal);
        float[] vector = [.. Enumerable.Range(0, (int)tensor.Shape[0]).Select(_ => norm ? 1f : (float)((random.NextDouble() - 0.5) * WeightRms))];
        writer.Write(MemoryMarshal.AsBytes<float>(vector));
    }

    private static int PowerOfTwo(int size) => checked((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)size));
}

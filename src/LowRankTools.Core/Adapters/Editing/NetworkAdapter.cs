using System.Text.Json;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Adapter files of networks with LoRA layers: PEFT's folder of two files, and loralib's state dict as safetensors.</summary>
public static class NetworkAdapter
{
    /// <summary>Writes the adapter of a network.</summary>
    /// <param name="network">A network with LoRA layers.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="path">For PEFT a folder, for loralib a .safetensors file.</param>
    /// <param name="keys">Whose layout. PEFT's says ranks and scales; who loads loralib's must know them.</param>
    /// <param name="bias">Which biases belong to it.</param>
    /// <param name="force">Whether an existing adapter is replaced.</param>
    /// <param name="cancellationToken">Stops between tensors; nothing is left behind.</param>
    /// <returns>Full path of the weights.</returns>
    /// <exception cref="LowRankToolsException"><c>LayerNotFound</c>: the network has no LoRA layer; <c>NoPeftLayout</c>, <c>OptionInvalid</c>: path and layout do not go together; <c>OutputExists</c>, and
    /// those of writing.</exception>
    public static string Save(Module network, INetworkEngine engine, string path, LoraKeys keys = LoraKeys.Peft, LoraBias bias = LoraBias.None, bool force = false, CancellationToken cancellationToken = default)
    {
        List<(string Name, ILoraLayer Layer)> layers = Layers(network);
        if (layers.Count == 0)
            throw new LowRankToolsException(CoreErrors.LayerNotFound, "The network has no layer with LoRA.", "Put some in with AddLora.");
        bool peft = keys == LoraKeys.Peft;
        if (peft == OutputLocation.IsFile(path) || !peft && OutputLocation.FormatOf(path) != ModelFormat.Safetensors)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{path}: an adapter of PEFT is a folder, one of loralib a .safetensors file.", "Choose the path or the layout that fits.");
        AdapterOutputOptions options = new() { OutputPath = path, Force = force };
        OutputLocation location = options.Location(new ModelSource(Path.GetFullPath(path), Path.GetFileName(path)), peft ? AdapterLayout.Peft : AdapterLayout.LoraLib, "");
        IReadOnlyList<NamedParameter> parameters = network.LoraStateDict(bias, keys);
        Dictionary<string, string> metadata = new(StringComparer.Ordinal) { ["format"] = "pt" };
        TensorSpec[] specs = [.. parameters.Select(p => new TensorSpec(p.Name, TensorDType.F32, [.. p.Parameter.Shape.Select(s => (long)s)]))];
        using ModelOutput output = ModelOutput.Create(new OutputRequest(location, ModelFormat.Safetensors, specs, metadata) { Force = force, HasRecord = peft });
        foreach ((NamedParameter parameter, TensorSpec spec) in parameters.Zip(specs))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using Matrix<float> values = engine.ToMatrix(parameter.Parameter.Value);
            MatrixRows.Write(output, spec, values.View, location.WeightsPath, cancellationToken);
        }
        return output.Complete(metadata, peft ? Config(layers, bias) : null, companionsFrom: null);
    }

    /// <summary>Loads an adapter into a network whose LoRA layers have its ranks. The base stays as it is; merged layers are unmerged first.</summary>
    /// <param name="network">A network with LoRA layers.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="path">The folder or file; of any format that is read.</param>
    /// <param name="strict">Whether a layer without tensors, or a tensor without a layer, is an error.</param>
    /// <param name="cancellationToken">Stops between tensors.</param>
    /// <returns>What was missing, and what was left over.</returns>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>: PEFT's configuration says other scales or another start than the layers have; <c>WeightsDoNotFit</c>,
    /// <c>ShapesDoNotMatch</c>, <c>ConfigInvalid</c>, and those of opening files.</exception>
    public static LoadReport Load(Module network, INetworkEngine engine, string path, bool strict = false, CancellationToken cancellationToken = default)
    {
        ModelSource source = new ModelLocator().Find(path)[0];
        using TensorFile file = TensorFiles.Open(source.Path);
        if (PeftConfig.Beside(source.Path, onChangedBase: true) is { } config)
            Require(config, network, file, source);
        return network.LoadLora(engine, new FileWeights(file), strict, cancellationToken);
    }

    // A pair under another scale, or on a base that a start has changed or not, loads without a word and answers wrongly.
    private static void Require(PeftConfig config, Module network, TensorFile file, ModelSource source)
    {
        HashSet<string> there = [.. file.Tensors.Select(t => AdapterKey.Of(t.Name)).OfType<AdapterKey>().Select(key => key.Module)];
        foreach ((string name, ILoraLayer layer) in Layers(network).Where(l => there.Contains(l.Name)))
        {
            double scaling = config.Scaling(name, layer.Options.Rank), start = layer.Options.Scaling;
            if (Math.Abs(scaling - start) > 1e-6 * Math.Abs(start))
                throw Unfit(source, FormattableString.Invariant($"its scale for '{name}' is {scaling}, and the layer's is {start}"));
            if (!string.Equals(config.Start, StartOf(layer), StringComparison.OrdinalIgnoreCase))
                throw Unfit(source, $"it was started by {config.Start ?? "a change of zero"}, and '{name}' by {StartOf(layer) ?? "a change of zero"}");
        }
    }

    private static LowRankToolsException Unfit(ModelSource source, string why) =>
        new(CoreErrors.AdapterDoesNotFit, $"{source.Path}: the adapter does not fit the network: {why}.", "Give AddLora the options that the adapter was made with.");

    private static string? StartOf(ILoraLayer layer) => layer.Options.Start == LoraStart.Zero ? null : layer.Options.Start.ToString();

    private static List<(string Name, ILoraLayer Layer)> Layers(Module network) =>
        [.. network.Modules().Where(m => m.Module is ILoraLayer and not LotrLinear).Select(m => (m.Name, (ILoraLayer)m.Module))];

    private static byte[] Config(List<(string Name, ILoraLayer Layer)> layers, LoraBias bias)
    {
        LoraOptions first = layers[0].Layer.Options;
        bool stabilized = layers.TrueForAll(l => l.Layer.Options.RankStabilized);
        double Alpha(LoraOptions options) => stabilized ? options.Alpha : options.Scaling * options.Rank;
        bool one = layers.TrueForAll(l => l.Layer.Options.Rank == first.Rank && Alpha(l.Layer.Options) == Alpha(first));
        (string Name, LoraOptions Options)[] patterns = one ? [] : [.. layers.Select(l => (l.Name, l.Layer.Options)).OrderByDescending(l => l.Name.Length).ThenBy(l => l.Name, StringComparer.Ordinal)];
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("peft_type", "LORA");
            json.WriteString("bias", bias switch { LoraBias.All => "all", LoraBias.LoraOnly => "lora_only", _ => "none" });
            json.WriteBoolean("fan_in_fan_out", first.FanInFanOut);
            json.WriteBoolean("inference_mode", true);
            if (StartOf(layers[0].Layer) is { } start)
                json.WriteString("init_lora_weights", start.ToLowerInvariant());
            json.WriteNumber("r", first.Rank);
            json.WriteNumber("lora_alpha", Alpha(first));
            json.WriteNumber("lora_dropout", first.Dropout);
            json.WriteBoolean("use_rslora", stabilized);
            json.WriteBoolean("use_dora", layers.Exists(l => l.Layer is DoraLinear));
            Pattern(json, "rank_pattern", patterns, options => options.Rank);
            Pattern(json, "alpha_pattern", patterns, Alpha);
            json.WriteStartArray("target_modules");
            foreach ((string name, _) in layers)
                json.WriteStringValue(name);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static void Pattern(Utf8JsonWriter json, string field, (string Name, LoraOptions Options)[] patterns, Func<LoraOptions, double> value)
    {
        json.WriteStartObject(field);
        foreach ((string name, LoraOptions options) in patterns)
            json.WriteNumber(AdapterWriter.PatternOf(name), value(options));
        json.WriteEndObject();
    }

    private sealed class FileWeights(TensorFile file) : IWeightSource
    {
        private readonly Dictionary<string, TensorInfo> _tensors = file.Tensors.Where(t => t.Shape.All(s => s <= int.MaxValue)).ToDictionary(t => t.Name, StringComparer.Ordinal);

        public IEnumerable<string> Names => _tensors.Keys;

        public IReadOnlyList<int>? ShapeOf(string name) => _tensors.TryGetValue(name, out TensorInfo? tensor) ? [.. tensor.Shape.Select(s => (int)s)] : null;

        public Matrix<float> Read(string name, CancellationToken ct) => WeightMatrix.Read(file, _tensors[name], ct);
    }
}

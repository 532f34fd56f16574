using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Formats;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// An opened calibration file: what layers of a model were fed, tensor by tensor, under the names of
/// <c>docs/calibration.md</c>. Opening reads the header; every shape is checked against the layer before memory is asked for.
/// </summary>
public sealed class CalibrationFile : IDisposable
{
    /// <summary>Without a held-out part in the file, the last 1/5 of the rows of <c>.inputs</c> is kept back.</summary>
    internal const int HeldOutShare = 5;

    private readonly TensorFile _file;
    private readonly Dictionary<string, Dictionary<string, TensorInfo>> _layers = new(StringComparer.Ordinal);

    private CalibrationFile(TensorFile file)
    {
        _file = file;
        foreach (TensorInfo tensor in file.Tensors)
        {
            int dot = tensor.Name.LastIndexOf('.');
            if (dot <= 0 || !CalibrationNames.All.Contains(tensor.Name[(dot + 1)..]))
                throw Invalid($"'{tensor.Name}' is no name of a calibration file.", "Names are <layer>.gram, <layer>.inputs and so on; see docs/calibration.md.");
            if (!_layers.TryGetValue(tensor.Name[..dot], out Dictionary<string, TensorInfo>? parts))
                _layers[tensor.Name[..dot]] = parts = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
            parts.Add(tensor.Name[(dot + 1)..], tensor);
        }
    }

    /// <summary>Full path.</summary>
    public string Path => _file.Path;

    /// <summary>Names of the layers it knows, each a tensor's name without <c>.weight</c>.</summary>
    public IReadOnlyCollection<string> Layers => _layers.Keys;

    /// <summary>Opens a file.</summary>
    /// <exception cref="LowRankToolsException"><c>PathNotFound</c>; <c>CalibrationInvalid</c>: a name is none of a calibration file.</exception>
    /// <exception cref="ModelFormatException">It is damaged.</exception>
    public static CalibrationFile Open(string path)
    {
        if (!File.Exists(path))
            throw new LowRankToolsException(CoreErrors.PathNotFound, $"There is no calibration file '{path}'.");
        TensorFile file = TensorFiles.Open(path);
        try
        {
            return new CalibrationFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What a plan remembers of the calibration that it is made with.</summary>
    /// <exception cref="LowRankToolsException">Those of <see cref="Open"/>.</exception>
    internal static PlanCalibration Remembered(CalibrationOptions options)
    {
        using CalibrationFile file = Open(options.Path);
        return new PlanCalibration { Path = System.IO.Path.GetFullPath(options.Path), Fingerprint = file.Fingerprint(), Mode = options.Mode, Damping = options.Damping };
    }

    /// <summary>Whether there is anything on a layer.</summary>
    /// <param name="tensor">Name of its weight, with or without <c>.weight</c>.</param>
    public bool Has(string tensor) => _layers.ContainsKey(LayerNames.Module(tensor));

    /// <summary>Checks by headers alone that what the file says of a layer fits it.</summary>
    /// <param name="shape">A matrix of the model.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>.</exception>
    public void Check(LayerShape shape)
    {
        Dictionary<string, TensorInfo> parts = _layers[LayerNames.Module(shape.Name)];
        long inputs = shape.InFeatures!.Value, outputs = shape.OutFeatures!.Value;
        foreach ((string part, TensorInfo tensor) in parts)
        {
            bool fits = Unheld(part) switch
            {
                CalibrationNames.Inputs => tensor.Shape is [> 0, long width] && width == inputs,
                CalibrationNames.Gram => IsGram(tensor, inputs),
                CalibrationNames.CompressedGram or CalibrationNames.CrossGram => tensor.Shape is [long r, long c] && r == inputs && c == inputs,
                CalibrationNames.OutputGram => IsGram(tensor, outputs),
                CalibrationNames.WeightGradient => tensor.Shape is [long rows, long columns] && rows == outputs && columns == inputs,
                _ => tensor.ElementCount == 1,
            };
            if (!fits)
                throw Invalid($"'{tensor.Name}' is [{string.Join(", ", tensor.Shape)}], and layer '{shape.Name}' has {inputs} inputs and {outputs} outputs.", "Collect the calibration from this very model.", tensor.Name);
            if (!TensorConversion.IsReadable(tensor.DType))
                throw Invalid($"'{tensor.Name}' holds {tensor.DType} values, which are no numbers here.", "Write F64 or F32.", tensor.Name);
        }
        if (!parts.ContainsKey(CalibrationNames.Gram) && !parts.ContainsKey(CalibrationNames.Inputs))
            throw Invalid($"Layer '{shape.Name}' has neither gram nor inputs.", "Each layer needs one of the two.");
        CheckPairs(parts, "", shape.Name);
        CheckPairs(parts, CalibrationNames.HeldOut, shape.Name);
    }

    /// <summary>Reads what the file says of a layer.</summary>
    /// <param name="shape">A matrix of the model that the file <see cref="Has"/>.</param>
    /// <param name="engine">Multiplies inputs out.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>: shapes do not fit, or a Gram matrix is none.</exception>
    internal LayerCalibration Read(LayerShape shape, ITensorEngine engine, CancellationToken cancellationToken)
    {
        Check(shape);
        return new CalibrationReader(_file, _layers[LayerNames.Module(shape.Name)], engine, cancellationToken).Read();
    }

    /// <summary>Reads the loss's gradient at a layer's weight, out x in.</summary>
    /// <param name="shape">A matrix of the model, of which <see cref="RequireWeightGradients"/> holds.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>: shapes do not fit, or it holds NaN or infinity.</exception>
    internal Matrix<double> ReadWeightGradient(LayerShape shape, ITensorEngine engine, CancellationToken cancellationToken)
    {
        Check(shape);
        return new CalibrationReader(_file, _layers[LayerNames.Module(shape.Name)], engine, cancellationToken).ReadWeightGradient();
    }

    /// <summary>Refuses layers without a gradient at their weight.</summary>
    /// <param name="layers">Names of the layers that are weighed against each other.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>.</exception>
    internal void RequireWeightGradients(IReadOnlyList<string> layers)
    {
        if (layers.FirstOrDefault(l => !_layers.TryGetValue(LayerNames.Module(l), out Dictionary<string, TensorInfo>? parts) || !parts.ContainsKey(CalibrationNames.WeightGradient)) is { } without)
            throw Invalid($"'{without}' has no {CalibrationNames.WeightGradient}, which first-order changes of the loss rest on.", "Collect it with Export-LowRankCalibration -WeightGradient; -Exclude leaves layers out.");
    }

    /// <summary>Refuses layers whose losses are in different units: a plan would add them up all the same.</summary>
    /// <param name="layers">Names of the layers that are weighed against each other.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>: some of them have gradients at the outputs, and so losses in the
    /// network's unit, and others have not, or are not in the file.</exception>
    internal void RequireOneUnit(IReadOnlyList<string> layers)
    {
        string? with = layers.FirstOrDefault(HasGradients), without = layers.FirstOrDefault(l => !HasGradients(l));
        if (with is not null && without is not null)
            throw Invalid($"'{with}' has {CalibrationNames.OutputGram} and '{without}' has not, so their losses are in different units.", "Give it for all layers that are planned, or for none; -Exclude leaves layers out.");
    }

    private bool HasGradients(string layer) =>
        _layers.TryGetValue(LayerNames.Module(layer), out Dictionary<string, TensorInfo>? parts) && parts.ContainsKey(CalibrationNames.OutputGram);

    /// <summary>What there is on a layer, by the last part of the names.</summary>
    internal IReadOnlyDictionary<string, TensorInfo> Parts(LayerShape shape) => _layers[LayerNames.Module(shape.Name)];

    /// <summary>Names of the contents of its tensors.</summary>
    internal ContentKeys Keys(CacheFolder folder) => new(_file, Fingerprint(), folder);

    /// <summary>Fingerprint of its content.</summary>
    internal string Fingerprint() => ModelFingerprint.Compute(_file);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void CheckPairs(Dictionary<string, TensorInfo> parts, string prefix, string layer)
    {
        bool cross = parts.ContainsKey(prefix + CalibrationNames.CrossGram), compressed = parts.ContainsKey(prefix + CalibrationNames.CompressedGram);
        if (cross != compressed)
            throw Invalid($"Layer '{layer}' has one of {prefix}{CalibrationNames.CrossGram} and {prefix}{CalibrationNames.CompressedGram}.", "Sequential calibration needs both, and the Gram matrix or inputs of the uncompressed model.");
        if (cross && !(parts.TryGetValue(prefix + CalibrationNames.Gram, out TensorInfo? gram) && gram.Shape.Length == 2))
            throw Invalid($"Layer '{layer}' has {prefix}{CalibrationNames.CrossGram} without {prefix}{CalibrationNames.Gram} (in x in).", "Sequential calibration needs the Gram matrix of the uncompressed model's inputs too.");
        if (parts.ContainsKey(prefix + CalibrationNames.Gram) && parts.ContainsKey(prefix + CalibrationNames.Inputs))
            throw Invalid($"Layer '{layer}' has both {prefix}{CalibrationNames.Gram} and {prefix}{CalibrationNames.Inputs}.", "Leave one of them out.");
    }

    private static string Unheld(string part) => part.StartsWith(CalibrationNames.HeldOut, StringComparison.Ordinal) ? part[CalibrationNames.HeldOut.Length..] : part;

    private static bool IsGram(TensorInfo tensor, long size) => tensor.Shape is [long diagonal] && diagonal == size || tensor.Shape is [long r, long c] && r == size && c == size;

    private LowRankToolsException Invalid(string problem, string remedy, string? tensor = null) =>
        new ModelFormatException(CoreErrors.CalibrationInvalid, problem, _file.Path, tensor, remedy);
}

using System.Globalization;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Graphs;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// One ONNX model: initializers, <c>Constant</c> nodes and sparse initializers of its graph, of all subgraphs and
/// of its functions, with values in the file or in data files beside it. Tensors of texts are not listed
/// (<c>text_tensors</c> in <see cref="TensorFile.Metadata"/> says how many there are). Roles come from the
/// operations that read a tensor, and so do the names of weights that the exporter only numbered (<see cref="OnnxModuleNames"/>).
/// </summary>
public sealed class OnnxFile : TensorFile
{
    private readonly ModelFileHandle _file;
    private readonly OnnxValues _values;
    private readonly Dictionary<OnnxTensor, string> _modules;
    private readonly List<TensorInfo> _tensors;
    private readonly Dictionary<string, string> _metadata;

    /// <summary>Opens a model and reads its structure; values are passed over.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="ModelFormatException">The file is no ONNX model, is damaged, or a data file is missing.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public OnnxFile(string path)
    {
        _file = new ModelFileHandle(path);
        _values = new OnnxValues(_file);
        try
        {
            Model = OnnxModel.Read(_file);
            _metadata = Model.Metadata;
            Dictionary<string, OnnxWeightSite> sites = OnnxWeightSites.Find(Model);
            List<(OnnxTensor Tensor, string Name)> named = OnnxTensorNames.Assign(Model);
            _modules = OnnxModuleNames.Find(Model, sites, named.Select(n => n.Name));
            Sites = sites.Values.ToDictionary(s => _modules.GetValueOrDefault(s.Weight, s.Weight.Name), StringComparer.Ordinal);
            _tensors = OnnxQuantized.Combine(Model.Graph, Describe(Model, named));
        }
        catch
        {
            Dispose(disposing: true);
            throw;
        }
    }

    /// <summary>
    /// Weights of the main graph that the graph multiplies by, looks rows up in, or convolves with over a signal, over lines and columns, or over a volume, in one group, and uses
    /// in no other way: those in whose place <see cref="OnnxModelWriter"/> can put a pair or a chain of convolutions.
    /// </summary>
    public IReadOnlySet<string> ReplaceableWeights => Sites.Keys.ToHashSet(StringComparer.Ordinal);

    /// <summary>Kernels of the main graph's convolutions in several groups of channels, depthwise ones among them.</summary>
    public IReadOnlySet<string> GroupedKernels => OnnxWeightSites.Grouped(Model);

    /// <summary>Inputs of the main graph, those among them that initializers give values to.</summary>
    public IReadOnlyList<OnnxInput> Inputs => Model.Graph.Declared;

    /// <summary>The same weights and their uses, by the names that they are listed under.</summary>
    internal Dictionary<string, OnnxWeightSite> Sites { get; }

    /// <summary>A tensor under its name in the graph and in the order of its values there, whatever it is listed as.</summary>
    internal TensorInfo AsStored(OnnxTensor tensor) => _values.Describe(tensor, tensor.Name, OnnxElementType.ToDType(tensor.DataType, tensor.Name), TensorRole.Unknown);

    /// <summary>Version of ONNX's own operators that the graph uses; zero where it does not say.</summary>
    internal long OperatorVersion => _metadata.GetValueOrDefault("opset_import", "").Split(", ").Select(o => o.Split(':'))
        .Where(o => o is ["ai.onnx", _]).Select(o => long.TryParse(o[1], NumberStyles.None, CultureInfo.InvariantCulture, out long version) ? version : 0).DefaultIfEmpty().Max();

    internal OnnxModel Model { get; }

    internal ModelFileHandle Handle => _file;

    /// <inheritdoc/>
    public override string Path => _file.Path;

    /// <inheritdoc/>
    public override ModelFormat Format => ModelFormat.Onnx;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <summary>Producer, versions, operator sets, and the model's own properties.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [_file.Path, .. _values.ExternalFiles.Select(f => f.Path)];

    /// <inheritdoc/>
    public override long FileBytes => _file.Length + _values.ExternalFiles.Sum(f => f.Length);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _values.Dispose();
        _file.Dispose();
    }

    private List<TensorInfo> Describe(OnnxModel model, List<(OnnxTensor Tensor, string Name)> named)
    {
        OnnxLinker links = new(model);
        RoleTracer roles = new(OnnxOperators.Meaning);
        List<TensorInfo> tensors = new(named.Count);
        foreach ((OnnxTensor tensor, string name) in named.Where(n => !n.Tensor.IsText))
        {
            TensorDType dtype = OnnxElementType.ToDType(tensor.DataType, name);
            TensorRole role = tensor.IsBuffer ? TensorRole.Buffer : roles.Find(links.Value(tensor), new GraphWeight(tensor.Dims, dtype));
            tensors.Add(_modules.TryGetValue(tensor, out string? module) ? _values.DescribeTransposed(tensor, module, dtype) : _values.Describe(tensor, name, dtype, role));
        }
        if (tensors.Count < named.Count)
            _metadata["text_tensors"] = (named.Count - tensors.Count).ToString(CultureInfo.InvariantCulture);
        return tensors;
    }
}

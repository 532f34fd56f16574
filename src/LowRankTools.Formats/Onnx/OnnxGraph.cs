namespace LowRankTools.Formats.Onnx;

/// <summary>A graph, a subgraph of a control-flow node, or the body of a function, with names not yet linked.</summary>
/// <param name="parent">The graph that it is part of.</param>
/// <param name="owner">The node whose attribute it is.</param>
/// <param name="attribute">The attribute; or the function's name.</param>
internal sealed class OnnxGraph(OnnxGraph? parent, OnnxNode? owner, string attribute)
{
    /// <summary>Inputs that a caller fills.</summary>
    public List<string> Inputs { get; } = [];

    /// <summary>The same inputs as they are declared.</summary>
    public List<OnnxInput> Declared { get; } = [];

    /// <summary>Values that a caller takes.</summary>
    public List<string> Outputs { get; } = [];

    public List<OnnxNode> Nodes { get; } = [];

    /// <summary>Initializers, dense and sparse.</summary>
    public List<OnnxTensor> Initializers { get; } = [];

    /// <summary>Which graph a name belongs to where several graphs use it; empty for the model's main graph.</summary>
    public string Prefix { get; } = attribute.Length == 0 ? "" : $"{parent?.Prefix}{(owner is null ? "" : Short(owner.Label) + "/")}{Short(attribute)}/";

    /// <summary>Prefixes repeat in every name under them, so a label of absurd length is cut.</summary>
    private static string Short(string label) => label.Length <= 128 ? label : label[..128];
}

/// <summary>One operation.</summary>
/// <param name="index">Its place in its graph.</param>
internal sealed class OnnxNode(int index)
{
    public string OpType { get; set; } = "";
    public string Domain { get; set; } = "";
    public string Name { get; set; } = "";
    public List<string> Inputs { get; } = [];
    public List<string> Outputs { get; } = [];
    public List<OnnxGraph> Subgraphs { get; } = [];

    /// <summary>Where its message lies.</summary>
    public MessageSpan Span { get; init; }

    /// <summary>The axis that it works along; zero where none is given.</summary>
    public long Axis { get; set; }

    /// <summary>Groups of channels of a convolution.</summary>
    public long Groups { get; set; } = 1;

    /// <summary>Whether a transposed convolution is told the size of its output, from which its padding follows.</summary>
    public bool HasOutputShape { get; set; }

    /// <summary>Axes of a Transpose; null for the reversal that is the default.</summary>
    public long[]? Permutation { get; set; }

    /// <summary>Whether a matrix product transposes its left operand.</summary>
    public bool TransposeLeft { get; set; }

    /// <summary>Whether a matrix product transposes its right operand.</summary>
    public bool TransposeRight { get; set; }

    /// <summary>What a Constant node holds; two tensors where it is sparse.</summary>
    public List<OnnxTensor> Constants { get; } = [];

    /// <summary>Name for people; exporters may leave nodes unnamed.</summary>
    public string Label => Name.Length > 0 ? Name : $"{OpType}_{index}";
}

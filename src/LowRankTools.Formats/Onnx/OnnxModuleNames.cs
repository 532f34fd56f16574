using System.Text.RegularExpressions;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Names for weights that an exporter only numbered. PyTorch's exporter turns a Linear of more than two dimensions into a MatMul by the transposed
/// weight, a new value that is called <c>927</c> or <c>onnx::MatMul_927</c>; what it was called before is told by the
/// bias that is added to the product, <c>X.bias</c>, or by the node's own path, <c>/X/MatMul</c>. Such a weight is listed as what it was: <c>X.weight</c>,
/// (out, in).
/// </summary>
internal static partial class OnnxModuleNames
{
    private const string Bias = ".bias", Weight = ".weight";

    /// <summary>Longest name that is made of a path.</summary>
    private const int MostCharacters = 1024;

    /// <summary>The weights that get a name, by their tensors.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sites">Its weights that are only multiplied by, by the graph's names.</param>
    /// <param name="taken">Names that other tensors have.</param>
    public static Dictionary<OnnxTensor, string> Find(OnnxModel model, Dictionary<string, OnnxWeightSite> sites, IEnumerable<string> taken)
    {
        Dictionary<OnnxTensor, string> found = [];
        OnnxWeightSite[] numbered = [.. sites.Values.Where(s => Numbered().IsMatch(s.Weight.Name) && IsPlain(s.Weight))];
        if (numbered.Length == 0)
            return found;
        Dictionary<string, OnnxTensor> initializers = model.Graph.Initializers.ToDictionary(t => t.Name, StringComparer.Ordinal);
        ILookup<string, OnnxNode> readers = model.Graph.Nodes.SelectMany(n => n.Inputs.Distinct(StringComparer.Ordinal).Select(i => (Value: i, Node: n))).ToLookup(r => r.Value, r => r.Node, StringComparer.Ordinal);
        HashSet<string> names = [.. taken];
        foreach (OnnxWeightSite site in numbered)
        {
            OnnxNode[] uses = [.. site.Uses.Select(u => model.Graph.Nodes[u])];
            if (uses is not [{ OpType: "MatMul" } node] || node.Outputs.Count == 0)
                continue;
            string? module = OfBias(readers[node.Outputs[0]], node.Outputs[0], site.Weight.Dims[1], initializers) ?? OfPath(node.Name);
            if (module is not null && names.Add(module + Weight))
                found.Add(site.Weight, module + Weight);
        }
        return found;
    }

    /// <summary>Whether its values lie as they are, in the file or beside it, so that they can be read in another order.</summary>
    private static bool IsPlain(OnnxTensor tensor) => (tensor.Raw.Length > 0 || tensor.External is not null) && !tensor.Dims.Contains(0);

    private static string? OfBias(IEnumerable<OnnxNode> readers, string product, long outputs, Dictionary<string, OnnxTensor> initializers)
    {
        if (readers.ToArray() is not [{ OpType: "Add", Inputs.Count: 2 } add])
            return null;
        string other = add.Inputs[0] == product ? add.Inputs[1] : add.Inputs[0];
        return other.Length > Bias.Length && other.EndsWith(Bias, StringComparison.Ordinal) && initializers.TryGetValue(other, out OnnxTensor? bias) && bias.Dims is [long length] && length == outputs
            ? other[..^Bias.Length] : null;
    }

    private static string? OfPath(string node)
    {
        int last = node.LastIndexOf('/');
        return node.Length <= MostCharacters && last > 1 && node[0] == '/' && node.AsSpan(last + 1).StartsWith("MatMul") ? node[1..last].Replace('/', '.') : null;
    }

    [GeneratedRegex(@"\A(onnx::[A-Za-z]{1,32}_|val_)?[0-9]{1,18}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Numbered();
}

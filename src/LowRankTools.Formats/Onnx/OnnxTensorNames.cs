namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Gives every tensor a name of its own. Names are unique in one graph; the two branches of an If often use the
/// same ones, and then those in subgraphs get the way to their graph in front: <c>If_25/then_branch/weight</c>.
/// </summary>
internal static class OnnxTensorNames
{
    /// <summary>Every tensor of a model in the order of the file, with its name.</summary>
    /// <exception cref="ModelFormatException"><c>DuplicateTensor</c>: one graph defines a name twice.</exception>
    public static List<(OnnxTensor Tensor, string Name)> Assign(OnnxModel model)
    {
        List<(OnnxGraph Graph, OnnxTensor Tensor)> all = [];
        Collect(model.Graph, all);
        foreach ((_, _, OnnxGraph body) in model.Functions)
            Collect(body, all);
        all.Sort((a, b) => a.Tensor.Position.CompareTo(b.Tensor.Position));

        Dictionary<string, int> uses = new(StringComparer.Ordinal);
        foreach ((_, OnnxTensor tensor) in all)
            uses[tensor.Name] = uses.GetValueOrDefault(tensor.Name) + 1;
        Dictionary<string, int> taken = new(StringComparer.Ordinal);
        List<(OnnxTensor, string)> named = new(all.Count);
        foreach ((OnnxGraph graph, OnnxTensor tensor) in all)
            named.Add((tensor, Free(uses[tensor.Name] == 1 ? tensor.Name : graph.Prefix + tensor.Name, taken)));
        return named;
    }

    private static void Collect(OnnxGraph graph, List<(OnnxGraph, OnnxTensor)> all)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (OnnxTensor tensor in graph.Initializers.Concat(graph.Nodes.SelectMany(node => node.Constants)))
        {
            if (!names.Add(tensor.Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"The name '{tensor.Name}' stands twice in one graph.", tensor: tensor.Name);
            all.Add((graph, tensor));
        }
        foreach (OnnxGraph subgraph in graph.Nodes.SelectMany(node => node.Subgraphs))
            Collect(subgraph, all);
    }

    /// <summary>Nodes may share labels too; then a number tells the tensors apart.</summary>
    private static string Free(string name, Dictionary<string, int> taken)
    {
        if (name.Length == 0)
            name = "unnamed";
        string free = name;
        while (!taken.TryAdd(free, 1))
            free = $"{name}#{++taken[name]}";
        return free;
    }
}

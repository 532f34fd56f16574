using LowRankTools.Formats.Graphs;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Links names to values. A name in a subgraph may belong to any graph around it; a tensor is found by whom it is
/// defined in. Function bodies are linked to the nodes that call them.
/// </summary>
internal sealed class OnnxLinker
{
    private readonly Dictionary<(string Domain, string Name), IReadOnlyList<GraphValue>> _functions = [];
    private readonly Dictionary<OnnxTensor, GraphValue> _values = [];
    private readonly List<(GraphNode Node, (string, string) Function)> _calls = [];

    /// <summary>Links a model.</summary>
    public OnnxLinker(OnnxModel model)
    {
        foreach ((string domain, string name, OnnxGraph body) in model.Functions)
        {
            Scope scope = Link(body, null);
            _functions[(domain, name)] = [.. body.Inputs.Select(input => scope.Find(input)!)];
        }
        Link(model.Graph, null);
        foreach ((GraphNode node, (string, string) function) in _calls)
        {
            if (_functions.TryGetValue(function, out IReadOnlyList<GraphValue>? inputs))
                node.Called = inputs;
        }
    }

    /// <summary>The value that a tensor is.</summary>
    public GraphValue Value(OnnxTensor tensor) => _values.TryGetValue(tensor, out GraphValue? value) ? value : new GraphValue();

    private Scope Link(OnnxGraph graph, Scope? parent)
    {
        Scope scope = new(parent);
        foreach (OnnxTensor tensor in graph.Initializers)
            _values[tensor] = scope.Define(tensor.Name);
        foreach (string input in graph.Inputs)
            scope.Define(input);
        foreach (OnnxNode node in graph.Nodes)
        {
            foreach (string output in node.Outputs)
                scope.Define(output);
            foreach (OnnxTensor tensor in node.Constants)
                _values[tensor] = scope.Define(tensor.Name);
        }
        foreach (OnnxNode node in graph.Nodes)
        {
            Link(node, scope);
            foreach (OnnxGraph subgraph in node.Subgraphs)
                Link(subgraph, scope);
        }
        return scope;
    }

    private void Link(OnnxNode node, Scope scope)
    {
        GraphNode linked = new(node.OpType)
        {
            Permutation = node.Permutation,
            TransposeLeft = node.TransposeLeft,
            TransposeRight = node.TransposeRight,
        };
        GraphValue?[] inputs = new GraphValue?[node.Inputs.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = node.Inputs[i].Length == 0 ? null : scope.Find(node.Inputs[i]);
            inputs[i]?.Uses.Add(new GraphUse(linked, i));
        }
        linked.Inputs = inputs;
        if (node.OpType != "Constant" && node.Outputs is [{ Length: > 0 } output, ..])
        {
            linked.Output = scope.Define(output);
            linked.Output.Producer = linked;
        }
        // Functions have domains of their own; the standard operators are no functions of the file.
        if (node.Domain is not ("" or "ai.onnx"))
            _calls.Add((linked, (node.Domain, node.OpType)));
    }

    /// <summary>The names of one graph and, through its parent, of those around it.</summary>
    private sealed class Scope(Scope? parent)
    {
        private readonly Dictionary<string, GraphValue> _names = new(StringComparer.Ordinal);

        public GraphValue Define(string name)
        {
            if (!_names.TryGetValue(name, out GraphValue? value))
                _names[name] = value = new GraphValue();
            return value;
        }

        public GraphValue? Find(string name) =>
            _names.TryGetValue(name, out GraphValue? value) ? value : parent?.Find(name);
    }
}

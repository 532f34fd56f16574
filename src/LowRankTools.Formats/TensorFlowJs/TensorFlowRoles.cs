using System.Text.Json;
using LowRankTools.Formats.Graphs;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>
/// Roles of weights by the model's topology: the operations of a graph model, or the layers of a Keras model; where
/// neither tells, by the names that Keras gives to variables.
/// </summary>
internal sealed class TensorFlowRoles
{
    private readonly Dictionary<string, GraphValue> _values;
    private readonly Dictionary<string, string> _layerClasses;
    private readonly RoleTracer _tracer = new(TensorFlowOperators.Meaning);

    /// <summary>Reads a <c>modelTopology</c>; an undefined element where there is none.</summary>
    public TensorFlowRoles(JsonElement topology)
    {
        _values = TensorFlowGraph.Read(topology);
        _layerClasses = KerasLayers.ReadClasses(topology);
    }

    /// <summary>The role of one weight.</summary>
    public TensorRole Find(string name, GraphWeight weight)
    {
        TensorRole role = _values.TryGetValue(name, out GraphValue? value) ? _tracer.Find(value, weight) : TensorRole.Unknown;
        if (role != TensorRole.Unknown)
            return role;
        return weight.DType.IsFloat() ? KerasLayers.Role(name, weight, _layerClasses) : TensorRole.Buffer;
    }
}

using System.Globalization;
using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>
/// Finds the tensors in what a pickle holds and names them as <c>state_dict</c> would: keys and attributes joined
/// with dots. Modules show their parameters, persistent buffers and children, and nothing else. The format note
/// says what of a training checkpoint counts as the model.
/// </summary>
internal sealed class TorchNaming
{
    private readonly TorchGraph _graph;
    private readonly List<NamedTensor> _tensors = [];
    private readonly HashSet<object> _path = new(ReferenceEqualityComparer.Instance);
    private long _nameLength;

    private TorchNaming(object root) => _graph = new TorchGraph(root);

    /// <summary>Names every tensor of the model in <paramref name="root"/>.</summary>
    /// <exception cref="ModelFormatException"><c>PickleInvalid</c>: nested or repeated beyond any real model.</exception>
    public static List<NamedTensor> Name(object root)
    {
        TorchNaming naming = new(root);
        if (root is TorchTensor or TorchFault)
            naming.Walk("tensor", root, isBuffer: false);
        else
            naming.WalkCheckpoint(root);
        return naming._tensors;
    }

    private void WalkCheckpoint(object root)
    {
        if (root is not PickleDict dict || TorchModule.Of(root) is not null)
        {
            Walk("", root, isBuffer: false);
            return;
        }
        TorchCheckpoint checkpoint = TorchCheckpoint.Of(dict, _graph);
        WalkAll(checkpoint.Kept.SelectMany(e => ReferenceEquals(e.Value, checkpoint.Model) ? Unwrap(e.Value) : [e]));
        if (checkpoint.Model is null || _tensors.Select(t => t.Name).Distinct(StringComparer.Ordinal).Count() == _tensors.Count)
            return;
        // The model's own names clash with those beside it: the prefix tells them apart.
        _tensors.Clear();
        WalkAll(checkpoint.Kept);
    }

    /// <summary>The entries of the model, out of any number of dicts that hold nothing else.</summary>
    private IReadOnlyList<(string Key, object Value)> Unwrap(object model)
    {
        for (int depth = 0; depth < PickleLimits.MaxDepth; depth++)
        {
            if (model is not PickleDict dict || TorchModule.Of(model) is not null)
                return [("", model)];
            TorchCheckpoint checkpoint = TorchCheckpoint.Of(dict, _graph);
            // Beside other entries, 'net' is a part of the model; alone it is one more wrapping.
            if (checkpoint.Model is null || checkpoint.Kept.Count > 1)
                return checkpoint.Kept;
            model = checkpoint.Model;
        }
        throw TooDeep();
    }

    private void WalkAll(IEnumerable<(string Key, object Value)> entries)
    {
        foreach ((string key, object value) in entries)
            Walk(Join("", key), value, isBuffer: false);
    }

    private void Walk(string name, object value, bool isBuffer)
    {
        if (value is TorchTensor tensor)
        {
            Add(name, tensor, isBuffer);
            return;
        }
        if (value is TorchFault fault)
        {
            throw new ModelFormatException(FormatErrors.PickleInvalid,
                name.Length == 0 ? fault.Problem : $"Tensor '{name}' cannot be understood: {fault.Problem}", tensor: name.Length == 0 ? null : name);
        }
        if (!_graph.HoldsTensors(value) || !_path.Add(value))
            return;
        if (_path.Count > PickleLimits.MaxDepth)
            throw TooDeep();
        foreach (TorchGraph.Child child in TorchGraph.Children(value))
            Walk(Join(name, child.Name), child.Value, isBuffer || child.IsBuffer);
        _path.Remove(value);
    }

    private void Add(string name, TorchTensor tensor, bool isBuffer)
    {
        _nameLength += name.Length;
        if (_tensors.Count == PickleLimits.MaxTensors || _nameLength > PickleLimits.MaxTotalNameLength)
            throw new ModelFormatException(FormatErrors.PickleInvalid, "The pickle names more tensors than any model has.");
        _tensors.Add(new NamedTensor(name, tensor, isBuffer));
    }

    private static string Join(string path, object key)
    {
        string part = key switch
        {
            string text => text,
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            PickleGlobal global => global.FullName,
            _ => "",
        };
        if (path.Length + part.Length >= PickleLimits.MaxNameLength)
            throw new ModelFormatException(FormatErrors.PickleInvalid, $"A tensor's name is longer than {PickleLimits.MaxNameLength} characters.");
        return path.Length == 0 ? part : part.Length == 0 ? path : $"{path}.{part}";
    }

    private static ModelFormatException TooDeep() =>
        new(FormatErrors.PickleInvalid, $"Tensors lie deeper than {PickleLimits.MaxDepth} containers.");
}

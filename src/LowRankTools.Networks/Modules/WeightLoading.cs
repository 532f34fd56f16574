using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Networks.Modules;

/// <summary>Tensors by PyTorch's names: what a network is loaded from, whatever the file.</summary>
public interface IWeightSource
{
    /// <summary>All names there are.</summary>
    IEnumerable<string> Names { get; }

    /// <summary>The shape of a tensor; null where there is none of this name.</summary>
    IReadOnlyList<int>? ShapeOf(string name);

    /// <summary>The name of the tensor that this one is only another name of; null where it has its own entries.</summary>
    string? SharedWith(string name) => null;

    /// <summary>Its entries, first dimension x all others; the caller disposes of them.</summary>
    Matrix<float> Read(string name, CancellationToken ct);
}

/// <summary>What did not fit when weights were loaded.</summary>
/// <param name="Missing">Parameters that no tensor was there for, by their first name; they stay as they were.</param>
/// <param name="Unexpected">Tensors that no parameter wants.</param>
public sealed record LoadReport(IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected);

/// <summary>Loading a network's parameters.</summary>
public static class WeightLoading
{
    /// <summary>Fills the parameters of a network, one tensor in memory at a time. A tied one is read once, under any of its names.</summary>
    /// <param name="module">The network.</param>
    /// <param name="engine">Where the parameters will live.</param>
    /// <param name="source">Tensors by name.</param>
    /// <param name="strict">Whether a missing or unexpected tensor is an error; a wrong shape always is.</param>
    /// <param name="type">Type of the entries.</param>
    /// <param name="ct">Stops loading.</param>
    /// <exception cref="LowRankToolsException">WeightsDoNotFit (before anything is read), ShapesDoNotMatch.</exception>
    public static LoadReport Load(this Module module, INetworkEngine engine, IWeightSource source, bool strict = true, ElementType type = ElementType.Float32, CancellationToken ct = default)
    {
        List<IGrouping<Parameter, NamedParameter>> wanted = [.. module.StateDict().GroupBy(p => p.Parameter)];
        Dictionary<Parameter, string> found = [];
        foreach (IGrouping<Parameter, NamedParameter> names in wanted)
        {
            foreach ((string name, Parameter parameter) in names)
            {
                if (source.ShapeOf(name) is not { } shape) continue;
                if (!shape.SequenceEqual(parameter.Shape))
                    throw new LowRankToolsException("ShapesDoNotMatch", $"Tensor '{name}' is ({string.Join(" x ", shape)}), the network has ({string.Join(" x ", parameter.Shape)}).", "Check the configuration against the weights.");
                found.TryAdd(parameter, name);
            }
        }

        HashSet<string> known = [.. wanted.SelectMany(names => names).Select(p => p.Name)];
        var report = new LoadReport([.. wanted.Where(names => !found.ContainsKey(names.Key)).Select(names => names.First().Name)], [.. source.Names.Where(name => !known.Contains(name))]);
        if (strict && report is not { Missing.Count: 0, Unexpected.Count: 0 })
        {
            throw new LowRankToolsException(
                "WeightsDoNotFit",
                $"{report.Missing.Count} parameters have no tensor{First(report.Missing)}, {report.Unexpected.Count} tensors have no parameter{First(report.Unexpected)}.",
                "Check the configuration against the weights, or do not load strictly.");
        }

        foreach ((Parameter parameter, string name) in found)
        {
            ct.ThrowIfCancellationRequested();
            ITensor tensor = engine.Adopt(source.Read(name, ct), [.. parameter.Shape]);
            if (type == ElementType.Float32)
            {
                parameter.Value = tensor;
                continue;
            }

            using (tensor) parameter.Value = engine.Copy(tensor, type);
        }

        return report;
    }

    private static string First(IReadOnlyList<string> names) => names.Count == 0 ? string.Empty : $" ('{names[0]}'{(names.Count > 1 ? ", ..." : string.Empty)})";
}

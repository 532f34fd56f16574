using System.IO.Enumeration;
using TorchSharp;
using TorchSharp.Modules;

namespace LowRankTools.TorchSharp.Modules;

/// <summary>One replacement of the linear layers of a module.</summary>
internal sealed class LinearSurgery
{
    private readonly LinearReplacer _replacer;
    private readonly LinearSurgeryOptions _options;
    private readonly List<ModulePlace<Linear>> _places;
    private readonly ILookup<nint, torch.nn.Module> _owners;
    private readonly Dictionary<Linear, nint> _weights;
    private readonly Dictionary<Linear, (torch.nn.Module<torch.Tensor, torch.Tensor> Module, double? Error)> _made = [];

    public LinearSurgery(torch.nn.Module root, LinearReplacer replacer, LinearSurgeryOptions options)
    {
        (_replacer, _options) = (replacer, options);
        _places = ModuleTree.Places<Linear>(root);
        _owners = ModuleTree.Parameters(root).ToLookup(p => ModuleTree.Address(p.Parameter), p => p.Owner);
        _weights = _places.Select(place => place.Module).Distinct().ToDictionary(layer => layer, WeightAddress);
    }

    public IReadOnlyList<LinearReplacement> Run(CancellationToken cancellationToken)
    {
        Dictionary<ModulePlace<Linear>, StaysDense> reasons = Reasons();
        List<ModulePlace<Linear>> replaced = [.. _places.Where(place => reasons[place] == StaysDense.No)];
        foreach (ModulePlace<Linear> place in replaced) ModuleReplacer.Require(place.Parent, place.Name, place.Module, _replacer.Kind);
        try
        {
            foreach (Linear layer in replaced.Select(place => place.Module).Distinct()) Make(layer, cancellationToken);
        }
        catch
        {
            foreach ((torch.nn.Module<torch.Tensor, torch.Tensor> module, _) in _made.Values) module.Dispose();
            throw;
        }

        List<LinearReplacement> results = [.. _places.Select(place => Result(place, reasons[place]))];
        foreach (ModulePlace<Linear> place in replaced) ModuleReplacer.Replace(place.Parent, place.Module, _made[place.Module].Module);
        foreach (Linear layer in _made.Keys) layer.Dispose();
        return results;
    }

    private void Make(Linear layer, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Linear? twin = _made.Keys.FirstOrDefault(other => _weights[other] == _weights[layer]);
        _made[layer] = twin is null ? _replacer.Make(layer, cancellationToken) : (_replacer.Shared(layer, _made[twin].Module), _made[twin].Error);
    }

    private Dictionary<ModulePlace<Linear>, StaysDense> Reasons()
    {
        Dictionary<ModulePlace<Linear>, StaysDense> reasons = _places.ToDictionary(place => place, Own);

        // One that shares its weight, or itself, with what stays, stays too.
        HashSet<Linear> going = [.. _places.Select(place => place.Module)];
        int before;
        do
        {
            before = going.Count;
            going.ExceptWith([.. _places.Where(place => reasons[place] != StaysDense.No).Select(place => place.Module)]);
            foreach (ModulePlace<Linear> place in _places.Where(place => reasons[place] == StaysDense.No))
            {
                if (!going.Contains(place.Module) || _owners[_weights[place.Module]].Any(owner => owner is not Linear other || !going.Contains(other)))
                    reasons[place] = StaysDense.TiedToDense;
            }
        }
        while (going.Count < before);
        return reasons;
    }

    private StaysDense Own(ModulePlace<Linear> place)
    {
        bool Matches(string pattern) => FileSystemName.MatchesSimpleExpression(pattern, place.Name, ignoreCase: false);
        if ((_options.Include.Count > 0 && !_options.Include.Any(Matches)) || _options.Exclude.Any(Matches)) return StaysDense.Excluded;
        (long rows, long columns, bool bias) = Size(place.Module);
        bool pays = _replacer.Parameters(rows, columns, bias) < Parameters(rows, columns, bias);
        return pays || _options.IncludeUnprofitable ? StaysDense.No : StaysDense.BreakEven;
    }

    private LinearReplacement Result(ModulePlace<Linear> place, StaysDense reason)
    {
        (long rows, long columns, bool bias) = Size(place.Module);
        long before = Parameters(rows, columns, bias);
        return reason == StaysDense.No
            ? new LinearReplacement(place.Name, columns, rows, _replacer.RankOf(rows, columns), reason, before, _replacer.Parameters(rows, columns, bias), _made[place.Module].Error)
            : new LinearReplacement(place.Name, columns, rows, null, reason, before, before, null);
    }

    private static long Parameters(long rows, long columns, bool bias) => (rows * columns) + (bias ? rows : 0);

    private static (long Rows, long Columns, bool Bias) Size(Linear layer)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        return (layer.weight!.shape[0], layer.weight!.shape[1], layer.bias is not null);
    }

    private static nint WeightAddress(Linear layer)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        return ModuleTree.Address(layer.named_parameters(recurse: false).First(p => p.name == "weight").parameter);
    }
}

using LowRankTools.Decompositions.Layers;
using LowRankTools.Numerics.Threading;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Dense = LowRankTools.Decompositions.Tensors.Tensor;

namespace LowRankTools.TorchSharp.Modules;

/// <summary>What layers have in common whose weight stands as factors behind its own name, <c>X.weight.</c>, and whose bias stays where it was.</summary>
internal static class LinearFactors
{
    /// <summary>A parameter that outlives the scope that it is made in.</summary>
    public static Parameter Own(Tensor values, bool trainable)
    {
        var parameter = new Parameter(values, trainable);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>A factor in a layer's type and on its device, trained where its weight is.</summary>
    public static Parameter Like(Linear layer, Tensor values)
    {
        Tensor weight = layer.weight!;
        return Own(values.to(weight.dtype).to(weight.device).clone(), weight.requires_grad);
    }

    /// <summary>The factors of a layer's weight by a method, in float64, and how far they are from it.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="method">Makes the factors.</param>
    /// <param name="shape">Sizes of the weight, out x in.</param>
    /// <param name="ranks">The method's ranks.</param>
    /// <param name="options">Seed and threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static (Tensor[] Factors, double RelativeError) Of(Linear layer, LayerMethod method, int[] shape, IReadOnlyList<int> ranks, ComputeOptions options, CancellationToken ct)
    {
        using Dense matrix = Dense.From(layer.weight!.detach().cpu().to(ScalarType.Float64).contiguous().data<double>().ToArray(), shape);
        IReadOnlyList<Dense> factors = method.Factorize(matrix, ranks, options, null, ct);
        try
        {
            double error = method.ErrorAgainst(matrix, ranks, factors, null, ct);
            return ([.. factors.Select(f => tensor(f.Values.ToArray(), [.. f.Shape.ToArray().Select(n => (long)n)]))], error);
        }
        finally
        {
            foreach (Dense factor in factors) factor.Dispose();
        }
    }

    /// <summary>A copy of a layer's bias; null where it has none.</summary>
    public static Parameter? Bias(Linear layer)
    {
        using DisposeScope scope = NewDisposeScope();
        return layer.bias is { } bias ? Own(bias.detach().clone(), bias.requires_grad) : null;
    }

    /// <summary>Gives the dense layer of factors its bias and what is said of training.</summary>
    /// <param name="dense">The layer, made for a bias where there is one.</param>
    /// <param name="bias">The bias, or null.</param>
    /// <param name="training">Whether the module is in training.</param>
    public static Linear Finished(Linear dense, Parameter? bias, bool training)
    {
        if (bias is not null)
        {
            dense.bias!.copy_(bias);
            dense.bias!.requires_grad = bias.requires_grad;
        }

        dense.train(training);
        return dense;
    }

    /// <summary>Replaces linear layers, all of them or none, and disposes of those that stand nowhere else.</summary>
    /// <param name="module">The module that they are in.</param>
    /// <param name="replacements">Each place, and what makes its replacement.</param>
    /// <param name="kind">Type of what is made.</param>
    /// <returns>Names of the places.</returns>
    public static IReadOnlyList<string> Replace(nn.Module module, IReadOnlyList<(ModulePlace<Linear> Place, Func<nn.Module<Tensor, Tensor>> Make)> replacements, Type kind)
    {
        foreach ((ModulePlace<Linear> place, _) in replacements) ModuleReplacer.Require(place.Parent, place.Name, place.Module, kind);
        foreach ((ModulePlace<Linear> place, Func<nn.Module<Tensor, Tensor>> make) in replacements)
        {
            using var scope = NewDisposeScope();
            ModuleReplacer.Replace(place.Parent, place.Module, make());
        }

        // What stands elsewhere too stays there.
        HashSet<Linear> left = [.. ModuleTree.Places<Linear>(module).Select(p => p.Module)];
        foreach (Linear layer in replacements.Select(t => t.Place.Module).Distinct().Where(l => !left.Contains(l))) layer.Dispose();
        return [.. replacements.Select(t => t.Place.Name)];
    }

    /// <summary>Replaces every layer of a kind by a Linear, and disposes of it.</summary>
    /// <param name="module">The module; not such a layer itself.</param>
    /// <param name="toDense">Makes the Linear.</param>
    /// <returns>Names of the layers.</returns>
    public static IReadOnlyList<string> Merge<T>(nn.Module module, Func<T, Linear> toDense)
        where T : nn.Module
    {
        ModuleReplacer.RequireContainer<T>(module);
        List<ModulePlace<T>> places = ModuleTree.Places<T>(module);
        foreach (ModulePlace<T> place in places) ModuleReplacer.Require(place.Parent, place.Name, place.Module, typeof(Linear));
        Dictionary<T, Linear> merged = places.Select(p => p.Module).Distinct().ToDictionary(layer => layer, toDense);
        foreach (ModulePlace<T> place in places) ModuleReplacer.Replace(place.Parent, place.Module, merged[place.Module]);
        foreach (T layer in merged.Keys) layer.Dispose();
        return [.. places.Select(place => place.Name)];
    }
}

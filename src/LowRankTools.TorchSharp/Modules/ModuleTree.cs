using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Modules;

/// <summary>Walks modules and tells which parameters share memory.</summary>
internal static class ModuleTree
{
    /// <summary>The parameters of every module by itself, shared ones as often as they are shared.</summary>
    public static IEnumerable<(string Name, nn.Module Owner, Parameter Parameter)> Parameters(nn.Module root)
    {
        foreach ((string path, nn.Module module) in root.named_modules().Prepend((string.Empty, root)))
        {
            foreach ((string name, Parameter parameter) in module.named_parameters(recurse: false))
                yield return (Join(path, name), module, parameter);
        }
    }

    /// <summary>Every place in which a module of a kind is, the same module maybe in several; pairs are not opened.</summary>
    public static List<ModulePlace<T>> Places<T>(nn.Module root, Func<T, bool>? wanted = null)
        where T : nn.Module
    {
        List<ModulePlace<T>> places = [];
        Visit(root, string.Empty, []);
        return places;

        void Visit(nn.Module parent, string path, HashSet<nn.Module> above)
        {
            // A module that is its own descendant has been seen.
            if (!above.Add(parent)) return;
            foreach ((string name, nn.Module child) in parent.named_children())
            {
                if (child is T found && wanted?.Invoke(found) != false) places.Add(new ModulePlace<T>(parent, Join(path, name), found));
                else if (child is not IOneLayer) Visit(child, Join(path, name), above);
            }

            above.Remove(parent);
        }
    }

    /// <summary>
    /// Where a tensor's entries begin: the same for all that share them. Memory of other devices is not shown by
    /// TorchSharp, so that sharing is only seen there where modules share the parameter object itself.
    /// </summary>
    public static unsafe nint Address(Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU || tensor.numel() == 0) return tensor.Handle;
        using DisposeScope scope = NewDisposeScope();
        fixed (byte* pointer = tensor.detach().as_strided([1], [1], tensor.storage_offset()).bytes) return (nint)pointer;
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}

/// <summary>A module in the module that holds it.</summary>
/// <param name="Parent">The module that holds it.</param>
/// <param name="Name">Its name from the root.</param>
/// <param name="Module">The module.</param>
internal sealed record ModulePlace<T>(nn.Module Parent, string Name, T Module)
    where T : nn.Module;

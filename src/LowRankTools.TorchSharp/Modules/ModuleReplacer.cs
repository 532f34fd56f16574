using System.Collections;
using System.Reflection;
using LowRankTools.Numerics;
using TorchSharp;
using TorchSharp.Modules;

namespace LowRankTools.TorchSharp.Modules;

/// <summary>
/// Puts a module in another one's place. TorchSharp keeps a child in up to two places: in the fields of the module (or
/// in the list inside of Sequential and ModuleList), which forward() uses, and in the register, which state_dict() uses.
/// Both are changed.
/// </summary>
internal static class ModuleReplacer
{
    private const BindingFlags OwnFields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Makes sure that every field and list that holds a child may hold its replacement.</summary>
    /// <param name="parent">The module that holds the child.</param>
    /// <param name="name">Name of the child, for the error.</param>
    /// <param name="old">The child.</param>
    /// <param name="replacement">Type of what will replace it.</param>
    /// <exception cref="LowRankToolsException">ModuleNotReplaceable.</exception>
    public static void Require(torch.nn.Module parent, string name, torch.nn.Module old, Type replacement)
    {
        foreach ((FieldInfo field, object value) in Holders(parent, old))
        {
            Type room = value is IList list ? ElementType(list) : value is IDictionary map ? map.GetType().GetGenericArguments().LastOrDefault(typeof(object)) : field.FieldType;
            if (room.IsAssignableFrom(replacement)) continue;
            throw new LowRankToolsException("ModuleNotReplaceable",
                $"'{name}' cannot become a {replacement.Name}: the field {field.DeclaringType!.Name}.{field.Name} only holds {room.Name}.",
                "Declare it as nn.Module<Tensor, Tensor>, or exclude the layer.");
        }
    }

    /// <summary>Replaces a child.</summary>
    public static void Replace(torch.nn.Module parent, torch.nn.Module old, torch.nn.Module replacement)
    {
        foreach ((FieldInfo field, object value) in Holders(parent, old).ToList())
        {
            if (value is IList list)
            {
                for (int i = 0; i < list.Count; i++)
                {
                    if (ReferenceEquals(list[i], old)) list[i] = replacement;
                }
            }
            else if (value is IDictionary map)
            {
                foreach (object key in map.Keys.Cast<object>().Where(key => ReferenceEquals(map[key], old)).ToList()) map[key] = replacement;
            }
            else
            {
                field.SetValue(parent, replacement);
            }
        }

        // ModuleDict keeps names and modules in a second list, which its indexer knows of.
        if (parent.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(ModuleDict<>))
        {
            foreach ((string key, _) in parent.named_children().Where(child => ReferenceEquals(child.module, old)).ToList())
                type.GetProperty("Item", [typeof(string)])!.SetValue(parent, replacement, [key]);
        }

        List<(string Name, torch.nn.Module Module)> children = [.. parent.named_children()];
        if (!children.Any(child => ReferenceEquals(child.Module, old))) return;

        // All of them anew, so that their order stays.
        foreach ((string name, _) in children) parent.register_module(name, null!);
        foreach ((string name, torch.nn.Module module) in children) parent.register_module(name, ReferenceEquals(module, old) ? replacement : module);
    }

    // Fields of the module's own classes, up to TorchSharp's base that has the register.
    private static IEnumerable<(FieldInfo Field, object Value)> Holders(torch.nn.Module parent, torch.nn.Module old)
    {
        for (Type? type = parent.GetType(); type is not null && type != typeof(torch.nn.Module); type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(OwnFields).Where(field => !field.FieldType.IsValueType))
            {
                object? value = field.GetValue(parent);
                if (ReferenceEquals(value, old) || Holds(value, old)) yield return (field, value!);
            }
        }
    }

    private static bool Holds(object? value, torch.nn.Module old) => value switch
    {
        IDictionary map => map.Values.Cast<object?>().Any(item => ReferenceEquals(item, old)),
        IList list => list.Cast<object?>().Any(item => ReferenceEquals(item, old)),
        _ => false,
    };

    private static Type ElementType(IList list)
    {
        Type type = list.GetType();
        return type.IsArray ? type.GetElementType()! : type.GetGenericArguments().FirstOrDefault(typeof(object));
    }

    /// <summary>Refuses a module that is itself of the kind that is to be replaced inside it.</summary>
    /// <exception cref="LowRankToolsException">ModuleNotReplaceable.</exception>
    public static void RequireContainer<T>(torch.nn.Module module)
        where T : torch.nn.Module
    {
        if (module is T)
            throw new LowRankToolsException("ModuleNotReplaceable", $"A {typeof(T).Name} cannot be replaced in itself.", "Put it into a Sequential.");
    }
}

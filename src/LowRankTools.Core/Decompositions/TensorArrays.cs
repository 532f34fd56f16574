using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Decompositions;

/// <summary>Arrays of .NET as tensors, and back: <c>float[,]</c>, <c>double[,,]</c> and others of as many modes as they have ranks.</summary>
public static class TensorArrays
{
    /// <summary>A tensor of an array's entries.</summary>
    /// <param name="array">Numbers, of any rank.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: an array of other than numbers; <c>ShapesDoNotMatch</c>: too many entries.</exception>
    public static Tensor Of(Array array)
    {
        int[] shape = [.. Enumerable.Range(0, array.Rank).Select(array.GetLength)];
        switch (array.GetType().GetElementType())
        {
            case var type when type == typeof(float):
                return Tensor.From(Entries<float>(array), shape);
            case var type when type == typeof(double):
                return Tensor.From(Entries<double>(array), shape);
            case { IsPrimitive: true } type when type != typeof(bool) && type != typeof(char) && type != typeof(nint) && type != typeof(nuint):
                return Tensor.From([.. array.Cast<object>().Select(value => Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture))], shape);
            default:
                throw new LowRankToolsException(CoreErrors.OptionInvalid, $"An array of {array.GetType().GetElementType()?.Name} is no tensor.", "Use an array of numbers, such as float[,] or double[,,].");
        }
    }

    /// <summary>An array of a tensor's entries, of as many ranks as it has modes.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: more than eight modes.</exception>
    public static Array From(Tensor tensor)
    {
        Type type = tensor.Order switch
        {
            1 => typeof(double[]),
            2 => typeof(double[,]),
            3 => typeof(double[,,]),
            4 => typeof(double[,,,]),
            5 => typeof(double[,,,,]),
            6 => typeof(double[,,,,,]),
            7 => typeof(double[,,,,,,]),
            8 => typeof(double[,,,,,,,]),
            _ => throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A tensor of {tensor.Order} modes is no array here.", "Use a tensor of at most eight modes."),
        };
        Array array = Array.CreateInstanceFromArrayType(type, [.. tensor.Shape]);
        tensor.Values.CopyTo(Entries<double>(array));
        return array;
    }

    private static Span<T> Entries<T>(Array array) => MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(array)), array.Length);
}

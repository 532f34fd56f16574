using System.Collections.Frozen;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>An element type as PyTorch names it.</summary>
/// <param name="DType">The same type here.</param>
/// <param name="IsQuantized">The integers stand for real numbers by a scale that lies elsewhere.</param>
internal sealed record TorchElement(TensorDType DType, bool IsQuantized = false)
{
    private static readonly FrozenDictionary<string, TorchElement> s_byStorage = new Dictionary<string, TorchElement>
    {
        ["FloatStorage"] = new(TensorDType.F32), ["DoubleStorage"] = new(TensorDType.F64), ["HalfStorage"] = new(TensorDType.F16),
        ["BFloat16Storage"] = new(TensorDType.BF16), ["LongStorage"] = new(TensorDType.I64), ["IntStorage"] = new(TensorDType.I32),
        ["ShortStorage"] = new(TensorDType.I16), ["CharStorage"] = new(TensorDType.I8), ["ByteStorage"] = new(TensorDType.U8),
        ["BoolStorage"] = new(TensorDType.BOOL), ["ComplexFloatStorage"] = new(TensorDType.C64), ["ComplexDoubleStorage"] = new(TensorDType.C128),
        ["QInt8Storage"] = new(TensorDType.I8, true), ["QUInt8Storage"] = new(TensorDType.U8, true), ["QInt32Storage"] = new(TensorDType.I32, true),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, TorchElement> s_byDType = new Dictionary<string, TorchElement>
    {
        ["float32"] = new(TensorDType.F32), ["float"] = new(TensorDType.F32), ["float64"] = new(TensorDType.F64), ["double"] = new(TensorDType.F64),
        ["float16"] = new(TensorDType.F16), ["half"] = new(TensorDType.F16), ["bfloat16"] = new(TensorDType.BF16),
        ["int64"] = new(TensorDType.I64), ["long"] = new(TensorDType.I64), ["int32"] = new(TensorDType.I32), ["int"] = new(TensorDType.I32),
        ["int16"] = new(TensorDType.I16), ["short"] = new(TensorDType.I16), ["int8"] = new(TensorDType.I8), ["uint8"] = new(TensorDType.U8),
        ["uint16"] = new(TensorDType.U16), ["uint32"] = new(TensorDType.U32), ["uint64"] = new(TensorDType.U64), ["bool"] = new(TensorDType.BOOL),
        ["complex64"] = new(TensorDType.C64), ["cfloat"] = new(TensorDType.C64), ["complex128"] = new(TensorDType.C128), ["cdouble"] = new(TensorDType.C128),
        ["float8_e5m2"] = new(TensorDType.F8_E5M2), ["float8_e4m3fn"] = new(TensorDType.F8_E4M3), ["float8_e5m2fnuz"] = new(TensorDType.F8_E5M2FNUZ),
        ["float8_e4m3fnuz"] = new(TensorDType.F8_E4M3FNUZ), ["float8_e8m0fnu"] = new(TensorDType.F8_E8M0),
        ["qint8"] = new(TensorDType.I8, true), ["quint8"] = new(TensorDType.U8, true), ["qint32"] = new(TensorDType.I32, true),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Bytes of one element.</summary>
    public int Size => DType.BlockBytes();

    /// <summary>Whether a global names a storage class, such as <c>torch.FloatStorage</c> or <c>torch.cuda.HalfStorage</c>.</summary>
    public static bool IsStorage(PickleGlobal type) =>
        (type.Module == "torch" || type.Module.StartsWith("torch.", StringComparison.Ordinal)) && type.Name.EndsWith("Storage", StringComparison.Ordinal);

    /// <summary>The element type of a storage class; null for one that is only bytes.</summary>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>.</exception>
    public static TorchElement? OfStorage(PickleGlobal type)
    {
        if (type.Name is "UntypedStorage" or "_UntypedStorage")
            return null;
        return s_byStorage.GetValueOrDefault(type.Name) ?? throw Unsupported(type.FullName);
    }

    /// <summary>The element type of a dtype such as <c>torch.float8_e4m3fn</c>.</summary>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>.</exception>
    public static TorchElement OfDType(object dtype)
    {
        if (dtype is not PickleGlobal { Module: "torch" } global)
            throw new ModelFormatException(FormatErrors.PickleInvalid, "A tensor's element type is no dtype of PyTorch.");
        return s_byDType.GetValueOrDefault(global.Name) ?? throw Unsupported(global.FullName);
    }

    private static ModelFormatException Unsupported(string what) =>
        new(FormatErrors.DTypeUnsupported, $"A tensor has the element type {what}, which is not read here.",
            remedy: "Convert it in PyTorch and save again.");
}

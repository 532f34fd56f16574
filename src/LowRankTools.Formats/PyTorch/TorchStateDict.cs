using System.Collections.Frozen;
using System.Globalization;
using LowRankTools.Formats.PyTorch.Pickle;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.PyTorch;

/// <summary>The pickle of a state dict: an OrderedDict from names to contiguous tensors, each a whole storage.</summary>
internal static class TorchStateDict
{
    private static readonly FrozenDictionary<TensorDType, string> s_storages = new Dictionary<TensorDType, string>
    {
        [TensorDType.F32] = "FloatStorage", [TensorDType.F64] = "DoubleStorage", [TensorDType.F16] = "HalfStorage",
        [TensorDType.BF16] = "BFloat16Storage", [TensorDType.I64] = "LongStorage", [TensorDType.I32] = "IntStorage",
        [TensorDType.I16] = "ShortStorage", [TensorDType.I8] = "CharStorage", [TensorDType.U8] = "ByteStorage",
        [TensorDType.BOOL] = "BoolStorage", [TensorDType.C64] = "ComplexFloatStorage", [TensorDType.C128] = "ComplexDoubleStorage",
    }.ToFrozenDictionary();

    /// <summary>Types younger than typed storages; PyTorch 2.1 and later read them.</summary>
    private static readonly FrozenDictionary<TensorDType, string> s_dtypes = new Dictionary<TensorDType, string>
    {
        [TensorDType.U16] = "uint16", [TensorDType.U32] = "uint32", [TensorDType.U64] = "uint64",
        [TensorDType.F8_E5M2] = "float8_e5m2", [TensorDType.F8_E4M3] = "float8_e4m3fn", [TensorDType.F8_E5M2FNUZ] = "float8_e5m2fnuz",
        [TensorDType.F8_E4M3FNUZ] = "float8_e4m3fnuz", [TensorDType.F8_E8M0] = "float8_e8m0fnu",
    }.ToFrozenDictionary();

    /// <summary>Whether PyTorch has the type.</summary>
    public static bool Supports(TensorDType dtype) => s_storages.ContainsKey(dtype) || s_dtypes.ContainsKey(dtype);

    /// <summary>Encodes the dict.</summary>
    /// <param name="tensors">Tensors with the number of the storage that holds each.</param>
    public static byte[] Encode(IReadOnlyList<(TensorSpec Spec, int Storage)> tensors)
    {
        PickleWriter pickle = new();
        pickle.EmptyOrderedDict();
        if (tensors.Count > 0)
        {
            pickle.Op(PickleOpcode.Mark);
            foreach ((TensorSpec spec, int storage) in tensors)
            {
                pickle.Text(spec.Name);
                Encode(pickle, spec, storage);
            }
            pickle.Op(PickleOpcode.SetItems);
        }
        return pickle.Complete();
    }

    private static void Encode(PickleWriter pickle, TensorSpec spec, int storage)
    {
        bool typed = s_storages.TryGetValue(spec.DType, out string? storageType);
        pickle.Global("torch._utils", typed ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
        pickle.Op(PickleOpcode.Mark);
        pickle.Op(PickleOpcode.Mark);
        pickle.Text("storage");
        if (typed)
            pickle.Global("torch", storageType!);
        else
            pickle.Global("torch.storage", "UntypedStorage");
        pickle.Text(storage.ToString(CultureInfo.InvariantCulture));
        pickle.Text("cpu");
        pickle.Integer(typed ? spec.ByteLength / spec.DType.BlockBytes() : spec.ByteLength);
        pickle.Op(PickleOpcode.Tuple);
        pickle.Op(PickleOpcode.BinPersId);
        pickle.Integer(0);
        pickle.Tuple(spec.Shape);
        pickle.Tuple(Strides(spec));
        pickle.Op(PickleOpcode.NewFalse);
        pickle.EmptyOrderedDict();
        if (!typed)
            pickle.Global("torch", s_dtypes[spec.DType]);
        pickle.Op(PickleOpcode.Tuple);
        pickle.Op(PickleOpcode.Reduce);
    }

    private static long[] Strides(TensorSpec spec)
    {
        long[] strides = new long[spec.Shape.Length];
        long stride = 1;
        for (int i = strides.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(1, spec.Shape[i]);
        }
        return strides;
    }
}

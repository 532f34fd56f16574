using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowRankTools.Numerics.Matrices;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>
/// Tensors on the processor in memory that stays its owner's, which TorchSharp offers for managed arrays only: a copy of a weight costs
/// as much as a look at it, and fresh memory again as much.
/// </summary>
internal static unsafe class SharedMemory
{
    // Memory, what is called when it is needed no more, sizes and their number, type, type again, kind and number of the device, whether gradients are kept.
    private static readonly delegate* unmanaged[Cdecl]<void*, delegate* unmanaged[Cdecl]<void*, void>, long*, int, sbyte, sbyte, int, int, byte, IntPtr> s_wrap = Find();

    /// <summary>A tensor that looks at a matrix whose rows lie one after the other; null where only a copy can be had.</summary>
    /// <param name="view">The matrix, which must outlive the tensor.</param>
    public static Tensor? Over<T>(MatrixView<T> view)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        if (s_wrap is null || view.IsEmpty || view.ColumnStride != 1 || view.RowStride != view.Columns) return null;
        sbyte type = (sbyte)HostMemory.TypeOf<T>();
        long* sizes = stackalloc long[] { view.Rows, view.Columns };
        IntPtr handle = s_wrap(view.Pointer, &Keep, sizes, 2, type, type, (int)DeviceType.CPU, 0, 0);
        if (handle == IntPtr.Zero) CheckForErrors();
        return Tensor.UnsafeCreateTensor(handle);
    }

    // The memory goes with its matrix.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Keep(void* memory)
    {
    }

    private static delegate* unmanaged[Cdecl]<void*, delegate* unmanaged[Cdecl]<void*, void>, long*, int, sbyte, sbyte, int, int, byte, IntPtr> Find() =>
        NativeLibrary.TryLoad("LibTorchSharp", typeof(SharedMemory).Assembly, null, out IntPtr library) && NativeLibrary.TryGetExport(library, "THSTensor_new", out IntPtr function)
            ? (delegate* unmanaged[Cdecl]<void*, delegate* unmanaged[Cdecl]<void*, void>, long*, int, sbyte, sbyte, int, int, byte, IntPtr>)function
            : null;
}

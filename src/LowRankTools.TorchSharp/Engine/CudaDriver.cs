using System.Globalization;
using System.Runtime.InteropServices;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>What TorchSharp does not tell of a CUDA device, asked of NVIDIA's driver.</summary>
internal static partial class CudaDriver
{
    private const string Library = "cuda";
    private const int Success = 0;

    static CudaDriver() => NativeLibrary.SetDllImportResolver(typeof(CudaDriver).Assembly, (name, _, _) =>
        name == Library && NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out IntPtr handle) ? handle : IntPtr.Zero);

    /// <summary>Memory of a device in bytes; null where the driver does not tell.</summary>
    /// <param name="device">Device as TorchSharp names it, such as <c>cuda:0</c>.</param>
    public static long? MemoryBytes(string device)
    {
        try
        {
            int index = int.Parse(device.AsSpan(device.IndexOf(':', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture);
            return Initialize(0) == Success && Device(out int handle, index) == Success && TotalMemory(out nuint bytes, handle) == Success ? (long)bytes : null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    [LibraryImport(Library, EntryPoint = "cuInit")]
    private static partial int Initialize(uint flags);

    [LibraryImport(Library, EntryPoint = "cuDeviceGet")]
    private static partial int Device(out int device, int index);

    [LibraryImport(Library, EntryPoint = "cuDeviceTotalMem_v2")]
    private static partial int TotalMemory(out nuint bytes, int device);
}

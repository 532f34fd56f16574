using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>
/// TorchSharp behind the engine contract, on the processor or on a CUDA device. It has no state, so several threads may
/// share one, and engines with different numbers of libtorch's threads may compute side by side.
/// </summary>
/// <remarks>
/// Cancellation is seen between calls of libtorch, not inside of them. A lack of memory is a
/// <see cref="LowRankToolsException"/> with the id DeviceMemoryExhausted, any other error of libtorch one with the id EngineFailed.
/// </remarks>
public sealed partial class TorchSharpEngine
{
    // TorchSharp adds the revision of its own package.
    private static readonly string s_libTorch = $"libtorch {Version.Parse(__version__).ToString(3)}";

    private static readonly Lock s_loading = new();
    private static volatile bool s_hasLinearAlgebra;

    private readonly Device _device;
    private readonly WorkCounter? _counter;

    /// <summary>Makes an engine.</summary>
    /// <param name="device"><c>cpu</c>, or <c>cuda:0</c> and so on; <c>cuda</c> is the first.</param>
    /// <param name="options">Threads, by default what the environment variable LOWRANK_THREADS says, or else every core; what counts the work.</param>
    public TorchSharpEngine(string device = "cpu", ComputeOptions? options = null)
    {
        if (device == "cuda") device = "cuda:0";
        _device = new Device(device);
        _counter = options?.Counter;
        InitializeDeviceType(_device.type);
        if (_device.type == DeviceType.CUDA)
        {
            PinnedMemory.Prepare();
            LoadLinearAlgebra();
        }

        Info = InfoOf(device);
        if (options is { ThreadCount: > 0 }) Info = Info with { ThreadCount = options.ThreadCount };
    }

    /// <inheritdoc/>
    public EngineInfo Info { get; }

    /// <summary>How the engine on a device describes itself; libtorch chooses its instruction set alone.</summary>
    internal static EngineInfo InfoOf(string device) =>
        new("TorchSharp", device, s_libTorch, EngineCatalog.Embedded.ThreadCount, Available: true, Reason: string.Empty)
        {
            Version = $"{typeof(Device).Assembly.GetName().Version!.ToString(3)} ({s_libTorch})",
            MemoryBytes = device == "cpu" ? EngineCatalog.HostMemoryBytes : CudaDriver.MemoryBytes(device),
            Path = LibTorchLocation.Folder,
        };

    // libtorch loads its factorizations for CUDA with the first of them, and fails where two threads come first at once.
    private void LoadLinearAlgebra()
    {
        if (s_hasLinearAlgebra) return;
        lock (s_loading)
        {
            if (s_hasLinearAlgebra) return;
            using DisposeScope scope = NewDisposeScope();
            linalg.cholesky_ex(ones(1, 1, ScalarType.Float32, _device));
            s_hasLinearAlgebra = true;
        }
    }

    /// <inheritdoc/>
    public ITensor Create(ElementType type, params ReadOnlySpan<int> shape)
    {
        long[] sizes = Sizes(shape);
        return Run(() => TorchTensor.Own(zeros(sizes, Type(type), _device)));
    }

    /// <inheritdoc/>
    public unsafe ITensor From(ReadOnlySpan<float> values, params ReadOnlySpan<int> shape)
    {
        long[] sizes = Sizes(shape);
        if (Product(sizes) != values.Length) throw Mismatch($"{values.Length} values do not fill {Text(sizes)}.");
        fixed (float* pointer = values)
        {
            MatrixView<float> row = new(pointer, 1, values.Length, values.Length, 1);
            return Run(() => TorchTensor.Own(FromRows(row).reshape(sizes)));
        }
    }

    /// <inheritdoc/>
    public ITensor Load(MatrixView<float> matrix) => Loaded(matrix);

    /// <inheritdoc/>
    public ITensor Load(MatrixView<double> matrix) => Loaded(matrix);

    private ITensor Loaded<T>(MatrixView<T> matrix)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        if (matrix.ColumnStride == 1 || (matrix.Columns == 1 && matrix.RowStride == 1)) return Run(() => TorchTensor.Own(Lent(matrix)));
        if (matrix.RowStride == 1) return Run(() => TorchTensor.Own(Lent(matrix.Transpose())).Transposed(move: true));
        using Matrix<T> copy = matrix.ToMatrix();
        return Run(() => TorchTensor.Own(FromRows(copy.View)));
    }

    /// <inheritdoc/>
    public ITensor Random(ulong seed, params ReadOnlySpan<int> shape)
    {
        // The numbers of the embedded engine, whatever the device.
        long[] sizes = Sizes(shape);
        int rows = shape.IsEmpty ? 1 : shape[0];
        using Matrix<float> host = Matrix<float>.Uninitialized(rows, checked((int)(rows == 0 ? 0 : Product(sizes) / rows)));
        new DeterministicRandom(seed).FillGaussian(host.RowBlock(0, rows));
        return Run(() => TorchTensor.Own(FromRows(host.View).reshape(sizes)));
    }

    /// <inheritdoc/>
    public unsafe Matrix<float> ToMatrix(ITensor x)
    {
        int rows = x.Shape.Count == 0 ? 1 : x.Shape[0];
        int columns = checked((int)x.Shape.Skip(1).Aggregate(1L, (product, size) => product * size));
        Matrix<float> matrix = Matrix<float>.Uninitialized(rows, columns);
        Run(() => Read(x, ScalarType.Float32, matrix.Pointer));
        return matrix;
    }

    /// <inheritdoc/>
    public unsafe double[] ToArray(ITensor x)
    {
        double[] values = new double[x.Length];
        fixed (double* pointer = values)
        {
            double* target = pointer;
            Run(() => Read(x, ScalarType.Float64, target));
        }

        return values;
    }

    /// <inheritdoc/>
    public ITensor Copy(ITensor x, ElementType type) => Run(() => Fresh(Mine(x).Open(), Type(type)));

    /// <inheritdoc/>
    public ITensor Slice(ITensor x, int first, int count)
    {
        TorchTensor tensor = Mine(x);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, tensor.Shape[0] - first);
        return tensor.Sliced(first, count);
    }

    /// <inheritdoc/>
    public ITensor Transpose(ITensor x)
    {
        RequireMatrix(x);
        return Mine(x).Transposed();
    }

    /// <inheritdoc/>
    public ITensor Permute(ITensor x, params ReadOnlySpan<int> order)
    {
        long[] dimensions = new long[order.Length];
        for (int i = 0; i < order.Length; i++) dimensions[i] = order[i];
        if (!dimensions.Order().SequenceEqual(Enumerable.Range(0, x.Shape.Count).Select(i => (long)i)))
            throw Mismatch($"{Text(dimensions)} is not an order of {x.Shape.Count} dimensions.");
        return Run(() => Fresh(Mine(x).Open().permute(dimensions), Type(x.ElementType)));
    }

    /// <inheritdoc/>
    public ITensor Reshape(ITensor x, params ReadOnlySpan<int> shape)
    {
        long[] sizes = Sizes(shape);
        if (Product(sizes) != x.Length) throw Mismatch($"{Text(x)} cannot become {Text(sizes)}.");
        return Run(() => TorchTensor.Own(Copied(Mine(x).Open(), Type(x.ElementType)).reshape(sizes)));
    }
}

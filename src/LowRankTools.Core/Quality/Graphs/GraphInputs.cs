using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Core.Engines.OnnxRuntime;
using LowRankTools.Core.Layers;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Quality.Graphs;

/// <summary>What a graph is given: tensors of a file by the names of its inputs, or random ones.</summary>
internal static class GraphInputs
{
    private const int IntegersBelow = 2;

    /// <summary>Reads one sample.</summary>
    /// <param name="path">A file of tensors.</param>
    /// <param name="ports">Inputs of the graph.</param>
    /// <exception cref="LowRankToolsException"><c>InputMissing</c>; <c>InputInvalid</c>: the wrong sizes or type; those of reading a file.</exception>
    public static OnnxValue[] Read(string path, IReadOnlyList<OnnxPort> ports)
    {
        using TensorFile file = TensorFiles.Open(path);
        return [.. ports.Select(port => Read(file, file.Tensors.FirstOrDefault(t => t.Name == port.Name) ?? throw new LowRankToolsException(CoreErrors.InputMissing,
            $"{path}: it has no tensor '{port.Name}', which the graph reads.", $"Store one for each of {string.Join(", ", ports)}."), port))];
    }

    /// <summary>Makes one sample: floats are standard normal, whole numbers and booleans 0 or 1.</summary>
    /// <param name="ports">Inputs of the graph.</param>
    /// <param name="shapes">Sizes by names, where the graph leaves them open.</param>
    /// <param name="seed">Seed; each input has numbers of its own.</param>
    /// <param name="sample">Number of the sample.</param>
    /// <exception cref="LowRankToolsException"><c>InputMissing</c>: sizes are open; <c>InputInvalid</c>: those given do not fit.</exception>
    public static OnnxValue[] Random(IReadOnlyList<OnnxPort> ports, IReadOnlyDictionary<string, Dimensions> shapes, ulong seed, int sample)
    {
        if (shapes.Keys.FirstOrDefault(name => ports.All(p => p.Name != name)) is { } unknown)
            throw new LowRankToolsException(CoreErrors.InputInvalid, $"The graph has no input '{unknown}', whose sizes were given.", $"It reads {string.Join(", ", ports)}.");
        return [.. ports.Select((port, i) => Random(port, Sizes(port, shapes), new DeterministicRandom(new DeterministicRandom(seed).BitsAt((ulong)sample * (ulong)ports.Count + (ulong)i))))];
    }

    /// <summary>What random inputs are, for people.</summary>
    public static string Describe(IReadOnlyList<OnnxPort> ports, IReadOnlyDictionary<string, Dimensions> shapes, ulong seed) =>
        string.Create(CultureInfo.InvariantCulture, $"random with seed {seed}: {string.Join(", ", ports.Select(p => $"{p.Name} ({OnnxPort.Text(Sizes(p, shapes))})"))}");

    private static long[] Sizes(OnnxPort port, IReadOnlyDictionary<string, Dimensions> shapes)
    {
        if (shapes.TryGetValue(port.Name, out Dimensions? given))
            return port.Takes(given.Sizes) ? [.. given.Sizes] : throw Wrong($"The sizes {given} were given for the input {port}, which has others.");
        // The first open size counts samples that run at once, and one is enough.
        long[] sizes = [.. port.Sizes.Select((size, axis) => axis == 0 && size < 0 ? 1 : size)];
        return sizes.All(s => s >= 0) ? sizes : throw new LowRankToolsException(CoreErrors.InputMissing, $"The graph leaves sizes of its input {port} open, and random numbers need them.",
            "Give them with -InputShape, or the inputs themselves with -InputPath.");
    }

    private static OnnxValue Random(OnnxPort port, long[] sizes, DeterministicRandom random)
    {
        long count = 1;
        foreach (long size in sizes)
            count = size == 0 || count <= int.MaxValue / port.Type.BlockBytes() / size ? count * size : throw Wrong($"The input {port} would have {OnnxPort.Text(sizes)} elements, more than 2 GiB.");
        byte[] bytes = new byte[count * port.Type.BlockBytes()];
        if (port.Type.IsFloat())
        {
            float[] values = new float[count];
            random.FillGaussian<float>(values);
            Store(values, port.Type, bytes);
        }
        else
        {
            // Little-endian numbers below 256 are their first byte.
            for (int i = 0; i < bytes.Length; i += port.Type.BlockBytes())
                bytes[i] = (byte)random.Next(IntegersBelow);
        }
        return new OnnxValue(port.Type, sizes, bytes);
    }

    private static OnnxValue Read(TensorFile file, TensorInfo tensor, OnnxPort port)
    {
        if (!port.Takes(tensor.Shape))
            throw Wrong($"{file.Path}: '{tensor.Name}' has the sizes {OnnxPort.Text(tensor.Shape)}, and the graph reads {port}.");
        if (tensor.ElementCount > int.MaxValue / sizeof(double))
            throw Wrong($"{file.Path}: '{tensor.Name}' is larger than 2 GiB.");
        byte[] bytes = new byte[tensor.ElementCount * port.Type.BlockBytes()];
        if (tensor.DType == port.Type)
            file.ReadBytes(tensor, 0, bytes);
        else if (tensor.DType.IsFloat() && port.Type.IsFloat())
        {
            float[] values = new float[tensor.ElementCount];
            file.ReadSingles(tensor, 0, values);
            Store(values, port.Type, bytes);
        }
        else
            throw Wrong($"{file.Path}: '{tensor.Name}' holds {tensor.DType}, and the graph reads {port}.");
        return new OnnxValue(port.Type, [.. tensor.Shape], bytes);
    }

    private static void Store(ReadOnlySpan<float> values, TensorDType type, Span<byte> bytes)
    {
        if (type == TensorDType.F64)
        {
            Span<double> doubles = MemoryMarshal.Cast<byte, double>(bytes);
            for (int i = 0; i < values.Length; i++)
                doubles[i] = values[i];
            return;
        }
        TensorConversion.FromSingle(type, values, bytes);
    }

    private static LowRankToolsException Wrong(string message) => new(CoreErrors.InputInvalid, message, "Give inputs with the sizes and types that the graph declares.");
}

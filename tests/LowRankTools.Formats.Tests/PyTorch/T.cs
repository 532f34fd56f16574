using System.Runtime.InteropServices;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>What torch.save puts into its pickles and archives, made by hand.</summary>
internal static class T
{
    public static readonly P.Global RebuildTensor = new("torch._utils", "_rebuild_tensor_v2");

    /// <summary>A storage: <c>FloatStorage</c> and the like.</summary>
    public static P.Persistent Storage(string type, string key, long numel) =>
        new(P.Tuple("storage", new P.Global("torch", type), key, "cpu", numel));

    /// <summary>A contiguous float32 tensor that fills storage <paramref name="key"/>.</summary>
    public static P.Call Tensor(string key, params long[] sizes)
    {
        long[] strides = new long[sizes.Length];
        long stride = 1;
        for (int i = sizes.Length - 1; i >= 0; stride *= sizes[i--])
            strides[i] = stride;
        return View(Storage("FloatStorage", key, stride), 0, sizes, strides);
    }

    public static P.Call View(object? storage, long offset, long[] sizes, long[] strides, bool requiresGrad = false) =>
        new(RebuildTensor, P.Tuple(storage, offset, Longs(sizes), Longs(strides), requiresGrad, P.Ordered()));

    public static P.Call Parameter(object? tensor, bool requiresGrad = true) =>
        new(new P.Global("torch._utils", "_rebuild_parameter"), P.Tuple(tensor, requiresGrad, P.Ordered()));

    /// <summary>An nn.Module of a class that is known nowhere.</summary>
    public static P.Build Module(P.Pairs parameters, P.Pairs? buffers = null, P.Pairs? modules = null, string[]? transient = null) =>
        new(new P.New(new P.Global("mylab.models", "Net"), P.Tuple()), P.Dict(
            ("training", true),
            ("_parameters", parameters),
            ("_buffers", buffers ?? P.Ordered()),
            ("_non_persistent_buffers_set", new P.Call(new P.Global("__builtin__", "set"), P.Tuple(new List<object?>(transient ?? [])))),
            ("_modules", modules ?? P.Ordered()),
            ("secret", Tensor("no such storage", 2))));

    public static object?[] Longs(long[] values) => [.. values.Select(v => (object?)v)];

    /// <summary>An archive with storages 0, 1, ... of the given bytes.</summary>
    public static byte[] Archive(object? value, params byte[][] storages) => Zip(value, storages).ToArray();

    public static ZipBuilder Zip(object? value, params byte[][] storages)
    {
        ZipBuilder zip = new();
        zip.Add("net/data.pkl", P.Dump(value));
        for (int i = 0; i < storages.Length; i++)
            zip.Add($"net/data/{i}", storages[i]);
        zip.Add("net/version", "3\n"u8.ToArray());
        return zip;
    }

    /// <summary>A pre-1.6 file.</summary>
    public static byte[] Legacy(object? value, params (string Key, int ElementBytes, byte[] Bytes)[] storages) =>
    [
        .. P.Dump(new P.Raw([0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19])),
        .. P.Dump(1001),
        .. P.Dump(P.Dict(("protocol_version", 1001), ("little_endian", true))),
        .. P.Dump(value),
        .. P.Dump(new List<object?>(storages.Select(s => s.Key))),
        .. storages.SelectMany(s => (byte[])[.. P.LittleEndian((ulong)(s.Bytes.Length / s.ElementBytes), 8), .. s.Bytes]),
    ];

    /// <summary>A storage as legacy files refer to it, with a view or without.</summary>
    public static P.Persistent LegacyStorage(string type, string key, long numel, object?[]? view = null) =>
        new(P.Tuple("storage", new P.Global("torch", type), key, "cpu", numel, view));

    public static byte[] Floats(int count) => MemoryMarshal.AsBytes<float>(Enumerable.Range(0, count).Select(i => i + 0.5f).ToArray()).ToArray();
}

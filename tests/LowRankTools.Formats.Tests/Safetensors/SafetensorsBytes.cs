using System.Text;

namespace LowRankTools.Formats.Tests.Safetensors;

/// <summary>Files of raw parts, right or wrong on purpose.</summary>
internal static class SafetensorsBytes
{
    /// <summary>Length, header, data.</summary>
    public static byte[] File(string header, int dataBytes = 0) => File(Encoding.UTF8.GetBytes(header), dataBytes);

    /// <summary>Length, header, data; <paramref name="claimed"/> is a length that lies.</summary>
    public static byte[] File(byte[] header, int dataBytes = 0, ulong? claimed = null) =>
        [.. BitConverter.GetBytes(claimed ?? (ulong)header.Length), .. header, .. new byte[dataBytes]];

    /// <summary>One tensor's entry.</summary>
    public static string Entry(string name, string dtype, string shape, string offsets) =>
        $$"""
        "{{name}}":{"dtype":"{{dtype}}","shape":{{shape}},"data_offsets":{{offsets}}}
        """;
}

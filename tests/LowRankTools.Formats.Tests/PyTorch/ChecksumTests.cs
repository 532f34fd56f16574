using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.PyTorch;

public sealed class ChecksumTests
{
    [Fact]
    public void The_check_value_of_the_standard()
    {
        // "123456789" has the CRC-32 0xCBF43926 in every catalogue of checksums.
        Assert.Equal(0xCBF43926u, Checksum("123456789"u8.ToArray()));
    }

    [Fact]
    public void Zero_bytes_have_the_checksum_zero() => Assert.Equal(0u, Checksum([]));

    /// <summary>The checksum that the writer puts before a record's data, against the definition, bit by bit.</summary>
    [Fact]
    public void Every_length_agrees_with_the_definition()
    {
        byte[] data = new byte[80];
        new Random(5).NextBytes(data);
        for (int length = 1; length <= data.Length; length++)
            Assert.Equal(ByDefinition(data[..length]), Checksum(data[..length]));
    }

    private static uint ByDefinition(byte[] data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }

    private static uint Checksum(byte[] data)
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-crc-").FullName;
        try
        {
            string path = Path.Combine(folder, "m.pt");
            using (PyTorchModelWriter writer = new(path, new Dictionary<string, string>()))
            {
                writer.Begin(new TensorSpec("x", TensorDType.U8, [data.Length]));
                writer.Write(data.AsSpan(0, data.Length / 3));
                writer.Write(data.AsSpan(data.Length / 3));
                writer.Complete();
            }
            return BitConverter.ToUInt32(File.ReadAllBytes(path), 14);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

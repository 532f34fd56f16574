using System.Globalization;
using LowRankTools.Core.Parts;

namespace LowRankTools.Core.Tests.Parts;

/// <summary>The checksum is its definition, whatever the pieces, and changes with every bit.</summary>
public sealed class PartChecksumTests
{
    private const uint Castagnoli = 0x82F63B78;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(1000)]
    public void It_is_four_checksums_of_every_fourth_word(int length)
    {
        byte[] data = Drawn(length);
        byte[] padded = [.. data, .. new byte[(32 - length % 32) % 32], .. Enumerable.Repeat(BitConverter.GetBytes((long)length), 4).SelectMany(b => b)];
        string expected = string.Concat(Enumerable.Range(0, 4).Select(lane => Bitwise([.. padded.Where((_, i) => i / 8 % 4 == lane)]).ToString("x8", CultureInfo.InvariantCulture)));
        Assert.Equal(expected, Of(data));
        Assert.Equal(PartChecksum.Digits, expected.Length);
    }

    [Fact]
    public void Pieces_make_no_difference()
    {
        byte[] data = Drawn(5000);
        Random random = new(2);
        for (int trial = 0; trial < 20; trial++)
        {
            PartChecksum checksum = new();
            for (int done = 0; done < data.Length;)
            {
                int piece = Math.Min(random.Next(1, 90), data.Length - done);
                checksum.Append(data.AsSpan(done, piece));
                done += piece;
            }
            Assert.Equal(Of(data), checksum.Complete());
            checksum.Append(data);
            Assert.Equal(Of(data), checksum.Complete());
        }
    }

    [Fact]
    public void Every_bit_every_end_and_every_exchange_counts()
    {
        byte[] data = Drawn(100);
        HashSet<string> seen = [Of(data), Of([.. data, 0]), Of(data.AsSpan(..^1)), Of([]), Of([0])];
        Assert.Equal(5, seen.Count);
        for (int bit = 0; bit < 8 * data.Length; bit++)
        {
            data[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.True(seen.Add(Of(data)));
            data[bit / 8] ^= (byte)(1 << bit % 8);
        }
        for (int i = 1; i < data.Length; i++)
        {
            byte[] exchanged = [.. data];
            (exchanged[i - 1], exchanged[i]) = (exchanged[i], exchanged[i - 1]);
            if (!exchanged.AsSpan().SequenceEqual(data))
                Assert.True(seen.Add(Of(exchanged)));
        }
    }

    private static byte[] Drawn(int length)
    {
        byte[] data = new byte[length];
        new Random(1).NextBytes(data);
        return data;
    }

    private static string Of(ReadOnlySpan<byte> data)
    {
        PartChecksum checksum = new();
        checksum.Append(data);
        return checksum.Complete();
    }

    private static uint Bitwise(byte[] data)
    {
        uint crc = 0;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ (crc & 1) * Castagnoli;
        }
        return crc;
    }
}

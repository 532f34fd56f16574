using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Parts;

/// <summary>Parts that were damaged anywhere are refused by name, or hold what they held.</summary>
public sealed class PartFuzzTests : IDisposable
{
    private const int Parts = 3;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Ten_thousand_damaged_parts_are_refused_or_give_the_same_model()
    {
        ModelSource source = new(TestModel.Write(_folder["net/model.safetensors"], [.. Enumerable.Range(0, 4).Select(i => TestModel.Random($"layers.{i}.weight", 1 + i, 20, 16))]), "net");
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(2), OutputPath = _folder["out"] };
        for (int i = 1; i <= Parts; i++)
            new FactorizePart(options, new PartNumber(i, Parts)).Run(source);
        string[] paths = [.. Enumerable.Range(1, Parts).Select(i => _folder[$"out/net/parts/{i:D5}-of-{Parts:D5}.safetensors.part"])];
        byte[][] whole = [.. paths.Select(File.ReadAllBytes)];
        JoinParts join = new(new JoinPartsOptions { KeepPart = true, Force = true });
        byte[] expected = File.ReadAllBytes(join.Run(_folder["out/net"]).Path);
        int refused = 0;
        for (int seed = 0; seed < 10_000; seed++)
        {
            Random random = new(seed);
            int part = random.Next(Parts);
            File.WriteAllBytes(paths[part], Damaged(whole[part], random));
            try
            {
                byte[] joined = File.ReadAllBytes(join.Run(_folder["out/net"]).Path);
                Assert.True(expected.AsSpan().SequenceEqual(joined), $"seed {seed}: another model");
            }
            catch (LowRankToolsException e)
            {
                Assert.NotEmpty(e.ErrorId);
                refused++;
            }
            File.WriteAllBytes(paths[part], whole[part]);
        }
        Assert.InRange(refused, 9_000, 10_000);
        Assert.Equal(expected, File.ReadAllBytes(join.Run(_folder["out/net"]).Path));
    }

    // The header with its record, more often than the values after it.
    private static byte[] Damaged(byte[] part, Random random)
    {
        int header = 8 + (int)BitConverter.ToInt64(part);
        byte[] bytes = random.Next(10) == 0 ? part[..random.Next(part.Length)] : [.. part];
        for (int change = random.Next(1, 4); change > 0 && bytes.Length > 0; change--)
        {
            int at = random.Next(5) == 0 ? random.Next(bytes.Length) : random.Next(Math.Min(header, bytes.Length));
            bytes[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(bytes[at] ^ (1 << random.Next(8))), _ => (byte)"0123456789[]{},:\"ae-"[random.Next(20)] };
        }
        return bytes;
    }
}

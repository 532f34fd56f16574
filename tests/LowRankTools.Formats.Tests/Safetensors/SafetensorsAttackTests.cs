using System.Text;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Fuzz;

namespace LowRankTools.Formats.Tests.Safetensors;

/// <summary>Headers that lie, each named after its lie.</summary>
public sealed class SafetensorsAttackTests : IDisposable
{
    private const string Good = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(100_000_001UL)]
    [InlineData(1UL << 40)]
    [InlineData(ulong.MaxValue)]
    public void Header_too_large(ulong claimed) =>
        Refuses(FormatErrors.HeaderTooLarge, SafetensorsBytes.File("{}"u8.ToArray(), claimed: claimed));

    [Theory]
    [InlineData(3UL)]
    [InlineData(100_000_000UL)]
    public void Header_longer_than_the_file(ulong claimed) =>
        Refuses(FormatErrors.HeaderTruncated, SafetensorsBytes.File("{}"u8.ToArray(), claimed: claimed));

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData(" {}")]
    [InlineData("\uFEFF{}")]
    [InlineData("{}x")]
    [InlineData("{} {}")]
    [InlineData("{\"a\":1}")]
    [InlineData("{\"a\":null}")]
    [InlineData("{\"a\":{}}")]
    [InlineData("{\"a\":[]}")]
    [InlineData("{\"__metadata__\":[]}")]
    [InlineData("{\"__metadata__\":{\"n\":1}}")]
    [InlineData("{\"__metadata__\":{\"n\":{\"deep\":\"er\"}}}")]
    [InlineData("{\"__metadata__\":{\"n\":\"1\",\"n\":\"2\"}}")]
    [InlineData("{\"a\\ud800\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}")]
    [InlineData("{/*comment*/}")]
    [InlineData("{\"__metadata__\":{},}")]
    public void Json_attack(string header) => Refuses(FormatErrors.HeaderInvalid, SafetensorsBytes.File(header, 4));

    [Fact]
    public void Json_nested_without_end()
    {
        Refuses(FormatErrors.HeaderInvalid, SafetensorsBytes.File("{\"a\":" + new string('[', 1_000_000)));
        Refuses(FormatErrors.HeaderInvalid, SafetensorsBytes.File("{\"__metadata__\":" + string.Concat(Enumerable.Repeat("{\"a\":", 100_000))));
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("1e3")]
    [InlineData("2.0")]
    [InlineData("\"2\"")]
    [InlineData("02")]
    [InlineData("+2")]
    [InlineData("0x2")]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999999999")]
    public void Numbers_that_are_no_sizes(string number)
    {
        Refuses(FormatErrors.HeaderInvalid, One("F32", $"[{number}]", "[0,8]", 8));
        Refuses(FormatErrors.HeaderInvalid, One("F32", "[2]", $"[0,{number}]", 8));
    }

    [Fact]
    public void Negative_numbers()
    {
        Refuses(FormatErrors.ShapeOverflow, One("F32", "[-2]", "[0,8]", 8));
        Refuses(FormatErrors.ShapeOverflow, One("F32", "[-2,-1]", "[0,8]", 8));
        Refuses(FormatErrors.HeaderInvalid, One("F32", "[2]", "[-8,0]", 8));
        Refuses(FormatErrors.HeaderInvalid, One("F32", "[2]", "[8,0]", 8));
        Refuses(FormatErrors.HeaderInvalid, One("F32", "[2]", "[0,-8]", 8));
    }

    [Theory]
    [InlineData("[4294967296,4294967296]")]
    [InlineData("[9223372036854775807,3]")]
    [InlineData("[9223372036854775807,9223372036854775807,0]")]
    [InlineData("[4611686018427387904]")]
    public void Shapes_that_overflow(string shape) => Refuses(FormatErrors.ShapeOverflow, One("F32", shape, "[0,8]", 8));

    [Fact]
    public void Too_many_dimensions() =>
        Refuses(FormatErrors.HeaderInvalid, One("F32", "[" + string.Join(',', Enumerable.Repeat(1, 65)) + "]", "[0,4]", 4));

    [Theory]
    [InlineData("F32", "[3]")]
    [InlineData("F16", "[2]")]
    [InlineData("F64", "[2]")]
    [InlineData("F32", "[0]")]
    [InlineData("F4", "[15]")]
    [InlineData("F6_E2M3", "[10]")]
    public void Wrong_byte_length(string dtype, string shape) => Refuses(FormatErrors.TensorSizeMismatch, One(dtype, shape, "[0,8]", 8));

    [Theory]
    [InlineData("F33")]
    [InlineData("f32")]
    [InlineData("")]
    [InlineData("13")]
    [InlineData("Q4_K")]
    [InlineData("C128")]
    [InlineData("F8_E4M3FNUZ_and_a_name_that_is_longer_than_any")]
    public void Types_that_the_format_does_not_have(string dtype) => Refuses(FormatErrors.DTypeUnsupported, One(dtype, "[2]", "[0,8]", 8));

    [Fact]
    public void Offsets_beyond_the_file()
    {
        Refuses(FormatErrors.TensorTruncated, One("F32", "[2]", "[0,8]", 7));
        Refuses(FormatErrors.TensorTruncated, One("U8", "[1125899906842624]", "[0,1125899906842624]", 8));
        Refuses(FormatErrors.DataHole, One("F32", "[2]", "[9223372036854775799,9223372036854775807]", 8));
    }

    [Fact]
    public void Holes_and_bytes_that_trail()
    {
        Refuses(FormatErrors.DataHole, One("F32", "[2]", "[4,12]", 12));
        Refuses(FormatErrors.DataHole, One("F32", "[2]", "[0,8]", 9));
        Refuses(FormatErrors.DataHole, SafetensorsBytes.File("{}", 1));
        Refuses(FormatErrors.DataHole, Two("[0,8]", "[12,20]", 20));
    }

    [Theory]
    [InlineData("[0,8]", "[0,8]")]
    [InlineData("[0,8]", "[4,12]")]
    [InlineData("[4,12]", "[0,8]")]
    public void Overlaps(string first, string second) => Refuses(FormatErrors.TensorOverlap, Two(first, second, 16));

    [Fact]
    public void An_empty_tensor_inside_another() =>
        Refuses(FormatErrors.TensorOverlap, SafetensorsBytes.File($"{{{Good},{SafetensorsBytes.Entry("b", "F32", "[0]", "[4,4]")}}}", 8));

    [Theory]
    [InlineData("a")]
    [InlineData("\\u0061")]
    public void Duplicate_names_however_written(string name) =>
        Refuses(FormatErrors.DuplicateTensor, SafetensorsBytes.File($"{{{Good},{SafetensorsBytes.Entry(name, "F32", "[2]", "[8,16]")}}}", 16));

    [Theory]
    [InlineData("\"dtype\":\"F32\"")]
    [InlineData("\"shape\":[2]")]
    [InlineData("\"data_offsets\":[0,8]")]
    [InlineData("\"comment\":\"\"")]
    public void Duplicate_and_unknown_fields(string field) =>
        Refuses(FormatErrors.HeaderInvalid, SafetensorsBytes.File($"{{{Good[..^1]},{field}}}}}", 8));

    [Fact]
    public void Bytes_that_are_not_utf8()
    {
        byte[] header = Encoding.UTF8.GetBytes($"{{{Good}}}");
        header[2] = 0xFF;
        Refuses(FormatErrors.HeaderInvalid, SafetensorsBytes.File(header, 8));
    }

    [Fact]
    public void Truncated_at_every_byte()
    {
        byte[] valid = Model();
        Assert.Equal(valid.Length, FuzzRun.ReadAll(Mutator.Truncations(valid), "model.safetensors"));
    }

    [Fact]
    public void Twelve_thousand_mutations()
    {
        byte[] valid = Model();
        Mutator mutator = new(seed: 42);
        int refused = FuzzRun.ReadAll(Enumerable.Range(0, 12_000).Select(_ => mutator.Mutate(valid)), "model.safetensors");
        Assert.InRange(refused, 6_000, 12_000);
    }

    private static byte[] One(string dtype, string shape, string offsets, int dataBytes) =>
        SafetensorsBytes.File($"{{{SafetensorsBytes.Entry("a", dtype, shape, offsets)}}}", dataBytes);

    private static byte[] Two(string first, string second, int dataBytes) =>
        SafetensorsBytes.File($"{{{SafetensorsBytes.Entry("a", "F32", "[2]", first)},{SafetensorsBytes.Entry("b", "F32", "[2]", second)}}}", dataBytes);

    private static byte[] Model() => SafetensorsBytes.File(
        $"{{\"__metadata__\":{{\"format\":\"pt\"}},{SafetensorsBytes.Entry("layer.weight", "F32", "[2,3]", "[0,24]")},"
        + $"{SafetensorsBytes.Entry("layer.bias", "BF16", "[3]", "[24,30]")},{SafetensorsBytes.Entry("steps", "I64", "[]", "[30,38]")}}}  ", 38);

    private void Refuses(string id, byte[] bytes)
    {
        string path = _folder.Write("attack.safetensors", bytes);
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path).Dispose());
        Assert.Equal(id, e.ErrorId);
        Assert.Equal(path, e.File);
    }
}

using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Records;
using LowRankTools.Formats;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>Records are written by hand: every field must be there, as the serializer that reads them would write it.</summary>
public sealed class FactorizationRecordTests
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        Converters = { new JsonStringEnumConverter() },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private static readonly JsonSerializerOptions s_indented = new(s_options) { WriteIndented = true };
    private static readonly JsonSerializerOptions s_withNulls = new(s_options) { DefaultIgnoreCondition = JsonIgnoreCondition.Never };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_record_is_written_as_the_serializer_would(bool whole)
    {
        FactorizationRecord record = Record(whole);
        string all = JsonSerializer.Serialize(record, s_options);
        Assert.Equal(all, record.ToMetadata());
        Assert.Equal(JsonSerializer.Serialize(record, s_indented) + "\n", Encoding.UTF8.GetString(record.ToFile()));

        // No property may be left null in the whole record, or the comparison would not see it.
        if (whole) Assert.Equal(all, JsonSerializer.Serialize(record, s_withNulls));
    }

    /// <summary>Null where nothing is expected of it: a layer, a name, a shape.</summary>
    [Theory]
    [InlineData("\"Layers\":[", "\"Layers\":[null,")]
    [InlineData("\"Name\":\"layer.0\"", "\"Name\":null")]
    [InlineData("\"Shape\":[30,10]", "\"Shape\":null")]
    [InlineData("\"SourceFingerprint\":\"0123\"", "\"SourceFingerprint\":null")]
    public void A_record_with_a_null_in_it_is_damaged(string was, string now)
    {
        string text = Record(whole: true).ToMetadata();
        Assert.Contains(was, text, StringComparison.Ordinal);
        string damaged = text.Replace(was, now, StringComparison.Ordinal);
        using TestFolder folder = new();
        TestModel.Write(folder["inside/m.safetensors"], new Dictionary<string, string> { [FactorizationRecord.MetadataKey] = damaged }, TestModel.Random("w", 1, 2, 2));
        TestModel.Write(folder["beside/m.safetensors"], TestModel.Random("w", 1, 2, 2));
        File.WriteAllText(folder["beside/" + FactorizationRecord.FileName], damaged);
        foreach (string path in (string[])[folder["inside/m.safetensors"], folder["beside/m.safetensors"]])
            Assert.Equal(FormatErrors.HeaderInvalid, Assert.Throws<ModelFormatException>(() => Model.Open(new ModelSource(path, "m")).Dispose()).ErrorId);
    }

    private static FactorizationRecord Record(bool whole) => new()
    {
        Source = "a \"model\" of ü.safetensors",
        SourceFingerprint = "0123",
        Rule = "Rank 4",
        Split = FactorSplit.Right,
        Seed = ulong.MaxValue,
        ComputedBy = whole ? "Embedded on cpu, AVX2" : null,
        Calibration = whole ? new CalibrationRecord { File = "grams.safetensors", Fingerprint = "4567", Mode = CalibrationMode.Diagonal, Damping = 1e-3, Refit = true } : null,
        Layers =
        [
            new FactorizedLayerRecord
            {
                Name = "layer.0",
                Kind = LayerKind.Linear,
                Method = "Svd",
                Rank = 4,
                Ranks = whole ? [4, 3] : null,
                Shape = [30, 10],
                Orientation = WeightOrientation.OutIn,
                DType = "F32",
                Bias = whole ? "layer.0.bias" : null,
                RelativeError = 0.1234567890123,
                Quantization = whole ? "Q8_0" : null,
                TruncationError = whole ? 0.125 : null,
                QuantizationError = whole ? 0.5 : null,
                CalibratedError = whole ? 0.25 : null,
                HeldOutError = whole ? 1e-7 : null,
                TiedTo = whole ? "layer.1" : null, Basis = whole ? "layer.0" : null,
            },
        ],
    };
}

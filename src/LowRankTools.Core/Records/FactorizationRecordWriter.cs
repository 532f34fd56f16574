using System.Buffers;
using System.Text.Json;

namespace LowRankTools.Core.Records;

/// <summary>
/// Writes records field by field, as <see cref="JsonSerializer"/> would: its start alone takes longer than a small layer.
/// </summary>
internal static class FactorizationRecordWriter
{
    /// <summary>The record in UTF-8.</summary>
    public static ReadOnlySpan<byte> Write(FactorizationRecord record, bool indented)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Indented = indented }))
        {
            json.WriteStartObject();
            json.WriteNumber(nameof(record.Version), record.Version);
            json.WriteString(nameof(record.Source), record.Source);
            json.WriteString(nameof(record.SourceFingerprint), record.SourceFingerprint);
            json.WriteString(nameof(record.Rule), record.Rule);
            json.WriteString(nameof(record.Split), record.Split.ToString());
            json.WriteNumber(nameof(record.Seed), record.Seed);
            if (record.ComputedBy is { } engine) json.WriteString(nameof(record.ComputedBy), engine);
            if (record.Calibration is { } calibration)
            {
                json.WritePropertyName(nameof(record.Calibration));
                Write(json, calibration);
            }

            json.WriteStartArray(nameof(record.Layers));
            foreach (FactorizedLayerRecord layer in record.Layers) Write(json, layer);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.WrittenSpan;
    }

    private static void Write(Utf8JsonWriter json, CalibrationRecord calibration)
    {
        json.WriteStartObject();
        json.WriteString(nameof(calibration.File), calibration.File);
        json.WriteString(nameof(calibration.Fingerprint), calibration.Fingerprint);
        json.WriteString(nameof(calibration.Mode), calibration.Mode.ToString());
        json.WriteNumber(nameof(calibration.Damping), calibration.Damping);
        json.WriteBoolean(nameof(calibration.Refit), calibration.Refit);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, FactorizedLayerRecord layer)
    {
        json.WriteStartObject();
        json.WriteString(nameof(layer.Name), layer.Name);
        json.WriteString(nameof(layer.Kind), layer.Kind.ToString());
        json.WriteString(nameof(layer.Method), layer.Method);
        json.WriteNumber(nameof(layer.Rank), layer.Rank);
        if (layer.Ranks is { } ranks)
        {
            json.WriteStartArray(nameof(layer.Ranks));
            foreach (long rank in ranks) json.WriteNumberValue(rank);
            json.WriteEndArray();
        }

        json.WriteStartArray(nameof(layer.Shape));
        foreach (long side in layer.Shape) json.WriteNumberValue(side);
        json.WriteEndArray();
        json.WriteString(nameof(layer.Orientation), layer.Orientation.ToString());
        json.WriteString(nameof(layer.DType), layer.DType);
        if (layer.Bias is { } bias) json.WriteString(nameof(layer.Bias), bias);
        json.WriteNumber(nameof(layer.RelativeError), layer.RelativeError);
        if (layer.Quantization is { } quantization) json.WriteString(nameof(layer.Quantization), quantization);
        if (layer.TruncationError is { } truncated) json.WriteNumber(nameof(layer.TruncationError), truncated);
        if (layer.QuantizationError is { } quantized) json.WriteNumber(nameof(layer.QuantizationError), quantized);
        if (layer.CalibratedError is { } calibrated) json.WriteNumber(nameof(layer.CalibratedError), calibrated);
        if (layer.HeldOutError is { } heldOut) json.WriteNumber(nameof(layer.HeldOutError), heldOut);
        if (layer.TiedTo is { } tied) json.WriteString(nameof(layer.TiedTo), tied);
        if (layer.Basis is { } basis) json.WriteString(nameof(layer.Basis), basis);
        json.WriteEndObject();
    }
}

using System.Text.Json.Serialization;

namespace LowRankTools.Formats.PyTorch;

/// <summary>Free text as JSON, without reflection.</summary>
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class MetadataJson : JsonSerializerContext;

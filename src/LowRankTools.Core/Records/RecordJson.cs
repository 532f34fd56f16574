using System.Text.Json.Serialization;

namespace LowRankTools.Core.Records;

/// <summary>Reads records by code that the compiler wrote, without reflection.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, RespectNullableAnnotations = true, MaxDepth = 16)]
[JsonSerializable(typeof(FactorizationRecord))]
[JsonSerializable(typeof(DecompositionRecord))]
internal sealed partial class RecordJson : JsonSerializerContext;

using System.Text.Json.Serialization;

namespace LowRankTools.Core.Parts;

/// <summary>Reads and writes records of parts by code that the compiler wrote.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, MaxDepth = 16)]
[JsonSerializable(typeof(PartRecord))]
internal sealed partial class PartJson : JsonSerializerContext;

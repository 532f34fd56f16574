using System.Text.Json.Serialization;

namespace LowRankTools.Core.Planning;

/// <summary>Plans by code that the compiler wrote, without reflection; <see cref="RankPlanFile"/> says how strictly.</summary>
[JsonSerializable(typeof(PlanDocument))]
internal sealed partial class PlanJson : JsonSerializerContext;

namespace LowRankTools.Core.Adapters;

/// <summary>A module that was computed: its pair and what it cost.</summary>
internal sealed record ComputedModule(AdapterFactors Factors, AdapterModuleResult Result);

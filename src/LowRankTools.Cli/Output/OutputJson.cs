using System.Text.Json.Serialization;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Compression;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Installing;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Memory;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Quality.Graphs;
using LowRankTools.Core.Reports;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Speed;
using LowRankTools.Core.Training;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Cli.Output;

/// <summary>
/// The records of Core as JSON, by code that the compiler wrote: property names as they are, enumerations by name, and
/// numbers that JSON has no literal for as the strings "NaN", "Infinity" and "-Infinity".
/// </summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(LayerShape))]
[JsonSerializable(typeof(ParameterCount))]
[JsonSerializable(typeof(ModelMemory))]
[JsonSerializable(typeof(LayerSpectrum))]
[JsonSerializable(typeof(FactorizationResult))]
[JsonSerializable(typeof(DecompositionResult))]
[JsonSerializable(typeof(MergeResult))]
[JsonSerializable(typeof(ResizeResult))]
[JsonSerializable(typeof(MergeAdapterResult))]
[JsonSerializable(typeof(AdapterResult))]
[JsonSerializable(typeof(AdapterCheck))]
[JsonSerializable(typeof(TensorDifference))]
[JsonSerializable(typeof(ReportResult))]
[JsonSerializable(typeof(LayerSpeed))]
[JsonSerializable(typeof(ConvolutionSpeed))]
[JsonSerializable(typeof(PivotedSpeed))]
[JsonSerializable(typeof(TrainSpeed))]
[JsonSerializable(typeof(ContractionSpeed))]
[JsonSerializable(typeof(ModelSpeed))]
[JsonSerializable(typeof(OptimizeResult))]
[JsonSerializable(typeof(OptimizeAdapterResult))]
[JsonSerializable(typeof(CompressResult))]
[JsonSerializable(typeof(ModelQuality))]
[JsonSerializable(typeof(GraphQuality))]
[JsonSerializable(typeof(CalibrationResult))]
[JsonSerializable(typeof(EngineInfo))]
[JsonSerializable(typeof(EngineInstallation))]
[JsonSerializable(typeof(EngineTime))]
internal sealed partial class OutputJson : JsonSerializerContext;

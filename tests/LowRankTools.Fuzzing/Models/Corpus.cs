using LowRankTools.Fuzzing.Inputs;

namespace LowRankTools.Fuzzing.Models;

/// <summary>The valid models that inputs are made of. Small: an input costs what its files cost to write and read.</summary>
internal static class Corpus
{
    public static IReadOnlyList<ModelFiles> All { get; } =
        [.. SafetensorsModels.All(), .. PyTorchModels.All(), .. OnnxModels.All(), .. GgufModels.All(), .. TensorFlowJsModels.All()];
}

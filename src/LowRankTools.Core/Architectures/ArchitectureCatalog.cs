using LowRankTools.Core.Models;
using LowRankTools.Formats.IO;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Architectures;

/// <summary>Chooses the network of a model: by its <c>config.json</c>, or by what its weights can be nothing else than.</summary>
internal static class ArchitectureCatalog
{
    /// <summary>The shape of a model's network, and its weights by the network's names.</summary>
    /// <exception cref="LowRankToolsException"><c>ConfigNotFound</c>, <c>ConfigInvalid</c>, <c>ArchitectureUnsupported</c>.</exception>
    public static (TransformerConfig Config, ModelWeights Weights) Recognize(Model model)
    {
        string folder = Path.GetDirectoryName(model.Source.Path)!;
        if (SentenceEncoderWeights.Recognize(model) is { } sentences)
            return sentences;
        if (SiblingPath.Companion(folder, ConfigFile.FileName) is { } path)
        {
            ConfigFile file = ConfigFile.Read(path);
            WeightLayout layout = WeightLayout.Of(file.Text("model_type"));
            WeightNames names = WeightNames.PyTorch(model.Layers, layout.Prefix);
            TransformerConfig config = ConfigReader.Read(file, names);
            return (config, new ModelWeights(model, names, layout.With(config.TiedNames)));
        }
        WeightLayout plain = WeightLayout.Of(new EncoderDecoderConfig().ModelType);
        WeightNames bare = WeightNames.PyTorch(model.Layers, plain.Prefix);
        if (EncoderDecoderWeights.Recognize(bare) is { } both)
        {
            both.Check();
            return (both, new ModelWeights(model, bare, plain));
        }
        throw new LowRankToolsException(CoreErrors.ConfigNotFound, $"{Path.Combine(folder, ConfigFile.FileName)}: the file is missing, and the weights alone do not say what network they are of.",
            "Put the model's config.json beside its weights.");
    }
}

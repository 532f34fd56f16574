using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Architectures;

/// <summary>Configurations that stand alone, without weights.</summary>
public static class TransformerConfigs
{
    /// <summary>
    /// The network that a <c>config.json</c> describes. Heads for tokens are there where its <c>architectures</c> name a
    /// model with one; poolers and classifiers, which only weights tell of, are not.
    /// </summary>
    /// <exception cref="LowRankToolsException"><c>PathNotFound</c>, <c>ConfigInvalid</c>, <c>ArchitectureUnsupported</c>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TransformerConfig Read(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, ConfigFile.FileName) : path;
        return File.Exists(file)
            ? ConfigReader.Read(ConfigFile.Read(file), WeightNames.None)
            : throw new LowRankToolsException(CoreErrors.PathNotFound, $"{file}: there is no such file.", "Name a config.json, or the folder that holds one.");
    }
}

using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Safetensors;

namespace LowRankTools.Formats.Tests.TensorFlowJs;

/// <summary>Models of model.json and shards in a folder.</summary>
internal static class TensorFlowJsFolder
{
    public static TensorFile Open(this TestFolder folder, byte[] json, params byte[][] shards)
    {
        for (int i = 0; i < shards.Length; i++)
            folder.Write($"s{i + 1}", shards[i]);
        return TensorFiles.Open(folder.Write("model.json", json));
    }
}

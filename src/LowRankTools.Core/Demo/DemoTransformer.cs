using LowRankTools.Core.Architectures;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Core.Demo;

/// <summary>
/// An encoder-decoder transformer of 45,555,200 parameters (width 512, 6 + 6 layers, 8 heads, 256 tokens, length 1024,
/// tied token embedding) with made-up weights of realistic spectra: something to try the tools on without a download.
/// </summary>
public static class DemoTransformer
{
    /// <summary>Writes <c>config.json</c> and <c>model.safetensors</c> into a folder; the same bytes each time.</summary>
    /// <param name="folder">Created where it is absent; an existing model in it is replaced.</param>
    /// <param name="cancellationToken">Stops between tensors; nothing is left behind.</param>
    /// <returns>Full path of the weights.</returns>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OutputNotWritable</c>, <c>DiskFull</c>.</exception>
    public static string Write(string folder, CancellationToken cancellationToken = default) =>
        new ModelFolder(new EncoderDecoderConfig()) { Force = true }.Write(folder, null, cancellationToken).Path;
}

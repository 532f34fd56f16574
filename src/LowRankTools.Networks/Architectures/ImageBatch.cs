using LowRankTools.Numerics;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Networks.Architectures;

/// <summary>Images of one size.</summary>
public sealed class ImageBatch : NetworkBatch
{
    /// <summary>Creates a batch.</summary>
    /// <param name="pixels">Values, images x channels x height x width.</param>
    /// <param name="images">Number of images; it divides the number of values.</param>
    /// <param name="patches">Patches of one image.</param>
    /// <exception cref="LowRankToolsException"><c>InputInvalid</c>.</exception>
    public ImageBatch(float[] pixels, int images, int patches)
    {
        if (images < 1 || pixels.Length == 0 || pixels.Length % images != 0)
            throw new LowRankToolsException(NetworkConfigErrors.InputInvalid, $"{pixels.Length} values are not {images} images of one size.");
        (Pixels, Images, Patches) = (pixels, images, patches);
    }

    /// <summary>Values, images x channels x height x width.</summary>
    public float[] Pixels { get; }

    /// <summary>Number of images.</summary>
    public int Images { get; }

    /// <summary>Patches of one image.</summary>
    public int Patches { get; }

    /// <inheritdoc/>
    public override int TokenCount => Images * (Patches + 1);

    /// <summary>Rows of the class tokens of all images.</summary>
    internal int[] FirstTokens() => [.. Enumerable.Range(0, Images).Select(i => i * (Patches + 1))];

    internal static ImageBatch MadeUp(VitConfig config, int images, DeterministicRandom random)
    {
        float[] pixels = new float[checked(images * config.Channels * config.ImageSize * config.ImageSize)];
        random.FillGaussian(pixels);
        return new ImageBatch(pixels, images, config.Patches);
    }
}

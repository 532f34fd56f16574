namespace LowRankTools.Networks.Layers;

/// <summary>Places, gaps and zeros of a kernel along each side of an image.</summary>
public sealed record ConvolutionOptions
{
    /// <summary>From one place of the kernel to the next.</summary>
    public (int Height, int Width) Stride { get; init; } = (1, 1);

    /// <summary>Zeros around the image.</summary>
    public (int Height, int Width) Padding { get; init; }

    /// <summary>Distance of the kernel's entries on the image.</summary>
    public (int Height, int Width) Dilation { get; init; } = (1, 1);

    /// <summary>Groups of channels that do not see each other.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Whether there is a bias.</summary>
    public bool Bias { get; init; } = true;

    internal string Text(Func<(int Height, int Width), string> pair) =>
        $"stride={pair(Stride)}{(Padding == default ? "" : $", padding={pair(Padding)}")}{(Dilation == (1, 1) ? "" : $", dilation={pair(Dilation)}")}"
        + $"{(Groups == 1 ? "" : $", groups={Groups}")}{(Bias ? "" : ", bias=False")}";
}

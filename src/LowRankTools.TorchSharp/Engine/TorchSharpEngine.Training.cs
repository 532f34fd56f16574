using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.RandomNumbers;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <content>What else transformers and convolutions are made of: rotation, losses, patches, dropout, Adam.</content>
public sealed partial class TorchSharpEngine
{
    /// <inheritdoc/>
    public void Rotate(ITensor x, int heads, ITensor cosines, ITensor sines, bool interleaved, bool back, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireTurn(x, heads, cosines, sines, y);
        int rows = x.Shape[0], width = x.Shape[1] / heads, pairs = cosines.Shape[1];
        long[] positions = [.. Enumerable.Range(0, rows).Select(i => (long)(i % cosines.Shape[0]))];
        Run(() =>
        {
            Tensor places = Index(positions), cosine = Mine(cosines).Open().index_select(0, places).unsqueeze(1), sine = Mine(sines).Open().index_select(0, places).unsqueeze(1);
            if (back) sine = sine.neg();
            Tensor all = Mine(x).Open().reshape(rows, heads, width).clone(), turned = all.narrow(2, 0, 2 * pairs);
            Tensor both = interleaved ? turned.reshape(rows, heads, pairs, 2).permute(3, 0, 1, 2) : turned.reshape(rows, heads, 2, pairs).permute(2, 0, 1, 3);
            Tensor a = both.select(0, 0), b = both.select(0, 1);
            Tensor result = stack([a.mul(cosine).sub(b.mul(sine)), b.mul(cosine).add(a.mul(sine))], interleaved ? 3 : 2).reshape(rows, heads, 2 * pairs);
            turned.copy_(result);
            Mine(y).Open().copy_(all.reshape(rows, heads * width));
        });
    }

    /// <inheritdoc/>
    public double CrossEntropy(ITensor logits, ReadOnlySpan<int> targets, ITensor? gradient, CancellationToken ct = default)
    {
        NetworkShapes.RequireTargets(logits, targets, gradient);
        long[] classes = Numbers(targets);
        double share = 1.0 / Math.Max(1, classes.Count(target => target >= 0));
        if (logits.Length == 0) return 0;
        return Run(() =>
        {
            Tensor x = Mine(logits).Open(), aimed = Index(classes), counts = aimed.ge(0).to(x.dtype).unsqueeze(1);
            Tensor logs = x.sub(x.logsumexp(1).unsqueeze(1)), target = aimed.clamp_min(0).unsqueeze(1);
            double loss = -share * logs.gather(1, target).mul(counts).sum().to(ScalarType.Float64).item<double>();
            if (gradient is not null) Mine(gradient).Open().copy_(logs.exp().scatter_add(1, target, counts.neg()).mul(counts).mul(share));
            return loss;
        });
    }

    /// <inheritdoc/>
    public void Unfold(ConvolutionShape shape, ITensor x, ITensor patches, CancellationToken ct = default)
    {
        NetworkShapes.RequirePatches(shape, x, patches);
        Run(() =>
        {
            // One row of zeros behind the pixels stands for everything outside.
            Tensor pixels = cat([Mine(x).Open(), zeros([1, x.Shape[1]], Type(x.ElementType), _device)], 0);
            Tensor taken = pixels.index_select(0, Index(Pixels(shape, patches, x.Shape[0])));
            Mine(patches).Open().copy_(taken.reshape(patches.Shape[0], -1, x.Shape[1]).transpose(1, 2).reshape(patches.Shape[0], patches.Shape[1]));
        });
    }

    /// <inheritdoc/>
    public void Fold(ConvolutionShape shape, ITensor patches, ITensor x, CancellationToken ct = default)
    {
        NetworkShapes.RequirePatches(shape, x, patches);
        Run(() =>
        {
            Tensor sums = zeros([x.Shape[0] + 1, x.Shape[1]], Type(x.ElementType), _device);
            Tensor parts = Mine(patches).Open().reshape(patches.Shape[0], x.Shape[1], -1).transpose(1, 2).reshape(-1, x.Shape[1]);
            sums.index_add_(0, Index(Pixels(shape, patches, x.Shape[0])), parts, 1);
            Mine(x).Open().copy_(sums.narrow(0, 0, x.Shape[0]));
        });
    }

    /// <inheritdoc/>
    public void ConvolveChannels(ConvolutionShape shape, ITensor x, ITensor kernel, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireChannels(shape, x, kernel, y);
        using ITensor patches = Uninitialized(x.ElementType, y.Shape[0], x.Shape[1] * kernel.Shape[1]);
        Unfold(shape, x, patches, ct);
        Run(() => Mine(y).Open().copy_((Mine(patches).Open().reshape(y.Shape[0], x.Shape[1], kernel.Shape[1]) * Mine(kernel).Open()).sum(2L)));
    }

    /// <inheritdoc/>
    public void ConvolveChannelsBackward(ConvolutionShape shape, ITensor x, ITensor kernel, ITensor dy, ITensor dx, ITensor? kernelGradient, CancellationToken ct = default)
    {
        NetworkShapes.RequireChannels(shape, x, kernel, dy);
        NetworkShapes.RequireSame(x, dx);
        using ITensor patches = Uninitialized(x.ElementType, dy.Shape[0], x.Shape[1] * kernel.Shape[1]);
        if (kernelGradient is not null)
        {
            NetworkShapes.RequireSame(kernel, kernelGradient);
            Unfold(shape, x, patches, ct);
            Run(() => Mine(kernelGradient).Open().add_((Mine(patches).Open().reshape(dy.Shape[0], x.Shape[1], kernel.Shape[1]) * Mine(dy).Open().unsqueeze(2)).sum(0L)));
        }
        Run(() => Mine(patches).Open().copy_((Mine(dy).Open().unsqueeze(2) * Mine(kernel).Open()).reshape(dy.Shape[0], -1)));
        Fold(shape, patches, dx, ct);
    }

    /// <inheritdoc/>
    public void Dropout(ITensor x, double rate, ulong seed, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, y);
        NetworkShapes.RequireRate(rate);

        // The entries that fall on the embedded engine.
        var random = new DeterministicRandom(seed);
        ulong limit = (ulong)(rate * (1UL << 53));
        double scale = rate < 1 ? 1 / (1 - rate) : 0;
        double[] factors = new double[x.Length];
        for (int i = 0; i < factors.Length; i++) factors[i] = (random.BitsAt((ulong)i) >> 11) < limit ? 0 : scale;
        Run(() => { Mine(y).Open().copy_(Mine(x).Open().mul(OnDevice(tensor(factors, ScalarType.Float64)).to(Type(x.ElementType)).reshape(Wide(x)))); });
    }

    /// <inheritdoc/>
    public void Adam(AdamSettings settings, int iteration, ITensor value, ITensor gradient, ITensor mean, ITensor square, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(value, gradient);
        NetworkShapes.RequireSame(value, mean);
        NetworkShapes.RequireSame(value, square);
        Run(() =>
        {
            Tensor g = Mine(gradient).Open(), m = Mine(mean).Open(), s = Mine(square).Open();
            m.mul_(settings.Beta1).add_(g.mul(1 - settings.Beta1));
            s.mul_(settings.Beta2).add_(g.mul(g).mul(1 - settings.Beta2));
            Tensor size = s.div(1 - Math.Pow(settings.Beta2, iteration)).sqrt().add(settings.Epsilon);
            Tensor step = m.div(size).mul(settings.Rate / (1 - Math.Pow(settings.Beta1, iteration)));
            Mine(value).Open().mul_(1 - (settings.Rate * settings.Decay)).sub_(step);
        });
    }

    // Rows of x for each place and each entry of the kernel; the row behind the last for those outside.
    private static long[] Pixels(ConvolutionShape shape, ITensor patches, int outside)
    {
        int taps = shape.KernelHeight * shape.KernelWidth;
        long[] pixels = new long[patches.Shape[0] * taps];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = shape.PixelUnder(i / taps, i % taps) is >= 0 and int pixel ? pixel : outside;
        return pixels;
    }
}

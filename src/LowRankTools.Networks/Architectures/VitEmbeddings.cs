using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>Images to tokens: a class token, then one token a patch, all with learned positions.</summary>
internal sealed class VitEmbeddings : Module
{
    private readonly VitConfig _config;
    private readonly Parameter _classToken, _positions;
    private readonly Slot<Convolution> _patches;

    public VitEmbeddings(ParameterFactory factory, VitConfig config)
    {
        _config = config;
        _classToken = AddParameter("cls_token", factory.Normal(0.02, 1, 1, config.Width));
        _positions = AddParameter("position_embeddings", factory.Normal(0.02, 1, config.Patches + 1, config.Width));
        Container patches = new("ViTPatchEmbeddings");
        _patches = patches.Add<Convolution>("projection", new Conv2d(factory, config.Channels, config.Width, (config.PatchSize, config.PatchSize),
            new ConvolutionOptions { Stride = (config.PatchSize, config.PatchSize) }));
        AddChild("patch_embeddings", patches);
    }

    private int Length => _config.Patches + 1;

    public ITensor Forward(Pass pass, ImageBatch images)
    {
        INetworkEngine engine = pass.Engine;
        ITensor pixels = Pixels(pass, images);
        ITensor patches = _patches.Module.Forward(pass, pixels, _patches.Module.Shape(_config.ImageSize, _config.ImageSize));
        pass.Release(pixels);
        ITensor x = pass.New(patches, images.Images * Length, _config.Width);
        using ITensor classToken = engine.Reshape(_classToken.Value, 1, _config.Width);
        using ITensor positions = engine.Reshape(_positions.Value, Length, _config.Width);
        for (int i = 0; i < images.Images; i++)
        {
            ITensor tokens = engine.Slice(x, i * Length, Length);
            engine.AddScaled(1, classToken, 0, engine.Slice(tokens, 0, 1));
            engine.AddScaled(1, engine.Slice(patches, i * _config.Patches, _config.Patches), 0, engine.Slice(tokens, 1, _config.Patches));
            engine.AddScaled(1, positions, 1, tokens);
        }
        pass.Release(patches);
        return x;
    }

    public void Backward(Pass pass, ITensor gradient)
    {
        INetworkEngine engine = pass.Engine;
        int images = gradient.Shape[0] / Length;
        ITensor dPatches = pass.New(gradient, images * _config.Patches, _config.Width);
        ITensor dPositions = engine.Create(gradient.ElementType, Length, _config.Width);
        for (int i = 0; i < images; i++)
        {
            ITensor tokens = engine.Slice(gradient, i * Length, Length);
            engine.AddScaled(1, tokens, 1, dPositions);
            engine.AddScaled(1, engine.Slice(tokens, 1, _config.Patches), 0, engine.Slice(dPatches, i * _config.Patches, _config.Patches));
        }
        // The class token and its position are added to each other: they have one gradient.
        Grow(pass, _positions, dPositions);
        Grow(pass, _classToken, engine.Slice(dPositions, 0, 1));
        dPositions.Dispose();
        gradient.Dispose();
        _patches.Module.Backward(pass, dPatches).Dispose();
    }

    /// <summary>Pixels x channels, as convolutions take them, of images that come channel by channel.</summary>
    private ITensor Pixels(Pass pass, ImageBatch images)
    {
        int area = _config.ImageSize * _config.ImageSize, channels = _config.Channels;
        if (images.Pixels.Length != (long)images.Images * channels * area)
        {
            throw new LowRankToolsException(NetworkConfigErrors.InputInvalid,
                $"{images.Pixels.Length} values are not {images.Images} images of {channels} x {_config.ImageSize} x {_config.ImageSize}.", "Resize the images.");
        }
        float[] values = new float[images.Pixels.Length];
        for (int i = 0; i < values.Length; i++)
            values[(i / (channels * area) * area + i % area) * channels + i / area % channels] = images.Pixels[i];
        ITensor single = pass.Engine.From(values, images.Images * area, channels);
        if (_classToken.Value.ElementType == ElementType.Float32)
            return single;
        using (single)
            return pass.Engine.Copy(single, _classToken.Value.ElementType);
    }

    private static void Grow(Pass pass, Parameter parameter, ITensor gradient)
    {
        if (!parameter.Trainable)
            return;
        using ITensor shaped = pass.Engine.Reshape(gradient, [.. parameter.Shape]);
        pass.Engine.AddScaled(1, shaped, 1, parameter.GradientOn(pass.Engine));
    }
}

using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>A whole network, made from its configuration. Names and shapes of its parameters are those of published weights.</summary>
public abstract class Transformer : Module
{
    private protected Transformer(TransformerConfig config) => Config = config;

    /// <summary>Its shape.</summary>
    public TransformerConfig Config { get; }

    /// <summary>Builds the network of a configuration.</summary>
    /// <param name="config">Its shape; checked.</param>
    /// <param name="factory">Makes the parameters.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>.</exception>
    public static Transformer Create(TransformerConfig config, ParameterFactory factory)
    {
        config.Check();
        return config switch
        {
            EncoderDecoderConfig c => new EncoderDecoder(factory, c),
            BertConfig c => new Bert(factory, c),
            Gpt2Config c => new Gpt2(factory, c),
            LlamaConfig c => new Llama(factory, c),
            VitConfig c => new Vit(factory, c),
            SentenceEncoderConfig c => new SentenceEncoder(factory, c),
            _ => throw new ArgumentException($"No network is built from a {config.GetType().Name}.", nameof(config)),
        };
    }

    /// <summary>Runs the network.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="batch">Of the kind that <see cref="TransformerConfig.Input"/> says.</param>
    /// <exception cref="LowRankToolsException"><c>InputInvalid</c>.</exception>
    public abstract NetworkOutput Forward(Pass pass, NetworkBatch batch);

    /// <summary>The gradients of all parameters grow by what the last forward run of a training pass says.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">The gradient at <see cref="NetworkOutput.Result"/>, taken over.</param>
    public void Backward(Pass pass, ITensor gradient) => Backward(pass, gradient, null);

    /// <summary>The way back of a loss that sees the results, the last states, or both, as distillation does.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="result">The gradient at <see cref="NetworkOutput.Result"/>, taken over; null where the loss does not see it.</param>
    /// <param name="hidden">The gradient at <see cref="NetworkOutput.Hidden"/>, taken over, added to what comes from the result; or null.</param>
    /// <exception cref="ArgumentException">Both are null.</exception>
    public abstract void Backward(Pass pass, ITensor? result, ITensor? hidden);

    /// <summary>The sum of two gradients at one place, either of which may be missing; both are taken over.</summary>
    private protected static ITensor Sum(Pass pass, ITensor? first, ITensor? second)
    {
        if (first is null || second is null)
            return first ?? second ?? throw new ArgumentException("A way back needs a gradient.");
        pass.Engine.AddScaled(1, second, 1, first);
        second.Dispose();
        return first;
    }

    /// <summary>The input as the kind that this network reads.</summary>
    private protected T Read<T>(NetworkBatch batch)
        where T : NetworkBatch =>
        batch as T ?? throw new LowRankToolsException(NetworkConfigErrors.InputInvalid, $"The network reads {Config.Input}; it is given a {batch.GetType().Name}.");
}

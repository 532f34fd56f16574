using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>Scores of masked tokens: norm(f(dense(x))), then the word embedding and a bias.</summary>
internal sealed class BertTokenHead : Module
{
    private readonly Activation _activation;
    private readonly Slot<LinearLayer> _dense;
    private readonly Slot<Layer> _norm;
    private readonly TiedHead _decoder;

    public BertTokenHead(ParameterFactory factory, BertConfig config, Slot<EmbeddingLayer> words)
    {
        _activation = config.Activation;
        Parameter bias = AddParameter("bias", factory.Constant(0, config.Vocabulary));
        Container transform = new("BertPredictionHeadTransform");
        _dense = transform.Add<LinearLayer>("dense", new Linear(factory, config.Width, config.Width));
        _norm = transform.Add<Layer>("LayerNorm", new LayerNorm(factory, config.Width, config.Epsilon));
        AddChild("transform", transform);
        _decoder = AddChild("decoder", new TiedHead(words, bias)).Module;
    }

    public override string TypeName => "BertLMPredictionHead";

    public ITensor Forward(Pass pass, ITensor x) =>
        pass.Through(_decoder, pass.Through(_norm.Module, _dense.Module.Forward(pass, x, _activation)));

    public ITensor Backward(Pass pass, ITensor gradient) =>
        _dense.Module.Backward(pass, _norm.Module.Backward(pass, _decoder.Backward(pass, gradient)), _activation);
}

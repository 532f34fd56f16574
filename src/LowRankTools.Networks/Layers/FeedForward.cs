using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>y = f(x A^T + a) B^T + b, position by position (Vaswani et al., 2017).</summary>
public sealed class FeedForward : Layer
{
    private readonly Slot<LinearLayer> _expand, _project;
    private readonly Activation _activation;

    /// <summary>Creates a feed-forward of two linear layers.</summary>
    /// <param name="expand">A and a.</param>
    /// <param name="project">B and b.</param>
    /// <param name="activation">f.</param>
    /// <param name="expandName">Name of the first.</param>
    /// <param name="projectName">Name of the second.</param>
    public FeedForward(LinearLayer expand, LinearLayer project, Activation activation = Activation.Gelu, string expandName = "fc1", string projectName = "fc2")
    {
        _activation = activation;
        _expand = AddChild(expandName, expand);
        _project = AddChild(projectName, project);
    }

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x) => pass.Through(_project.Module, _expand.Module.Forward(pass, x, _activation));

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient) => _expand.Module.Backward(pass, _project.Module.Backward(pass, gradient), _activation);
}

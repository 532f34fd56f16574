using LowRankTools.Networks.Modules;

namespace LowRankTools.Networks.Training;

/// <summary>A loss over some examples.</summary>
/// <param name="Sum">Sum of the losses of all targets.</param>
/// <param name="Count">Number of targets, such as tokens to be predicted.</param>
public readonly record struct BatchLoss(double Sum, double Count);

/// <summary>What is trained, and on what.</summary>
public interface ITrainingTask
{
    /// <summary>The network.</summary>
    Module Network { get; }

    /// <summary>Number of examples.</summary>
    int Examples { get; }

    /// <summary>
    /// Runs the network on some examples. In a training pass the gradients grow by those of the sum of the losses, not of their mean:
    /// batches that are added up may have different numbers of targets, and the mean is taken over all of them.
    /// </summary>
    /// <param name="pass">Training, or inference for the loss alone.</param>
    /// <param name="examples">Numbers of the examples.</param>
    BatchLoss Run(Pass pass, int[] examples);
}

using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Training;

/// <summary>The mean of -log softmax(logits)[target], where training a classifier or a language model starts its way back.</summary>
public static class CrossEntropyLoss
{
    /// <summary>The loss, and in a training pass its gradient.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="logits">Tokens x classes; taken over, and becomes the gradient.</param>
    /// <param name="targets">A class a token; a negative one leaves the token out.</param>
    /// <returns>The loss and the gradient of the logits; without a gradient in inference.</returns>
    public static (double Loss, ITensor? Gradient) Compute(Pass pass, ITensor logits, ReadOnlySpan<int> targets)
    {
        if (pass.IsTraining) return (pass.Engine.CrossEntropy(logits, targets, logits, pass.CancellationToken), logits);
        double loss = pass.Engine.CrossEntropy(logits, targets, null, pass.CancellationToken);
        pass.Release(logits);
        return (loss, null);
    }

    /// <summary>The same as a sum over the targets and not their mean: what an <see cref="ITrainingTask"/> hands back.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="logits">Tokens x classes; taken over.</param>
    /// <param name="targets">A class a token; a negative one leaves the token out.</param>
    /// <returns>The sum and the number of targets, and the gradient of the sum; without one in inference.</returns>
    public static (BatchLoss Loss, ITensor? Gradient) ComputeSum(Pass pass, ITensor logits, ReadOnlySpan<int> targets)
    {
        int count = 0;
        foreach (int target in targets) count += target >= 0 ? 1 : 0;
        (double loss, ITensor? gradient) = Compute(pass, logits, targets);
        if (gradient is not null) pass.Engine.AddScaled(count, gradient, 0, gradient);
        return (new BatchLoss(count == 0 ? 0 : loss * count, count), gradient);
    }
}

using LowRankTools.Numerics;

namespace LowRankTools.Networks;

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
}

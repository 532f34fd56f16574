namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>
/// What stands where a tensor should be that cannot be understood. It takes the tensor's place until its name is known:
/// left out, it would be a model with one tensor less.
/// </summary>
/// <param name="Problem">What is wrong, as a sentence.</param>
internal sealed record TorchFault(string Problem);

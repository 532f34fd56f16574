using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>A tensor with the name that it gets in the listing.</summary>
/// <param name="Name">Path to the tensor, joined with dots, as <c>state_dict</c> would name it.</param>
/// <param name="Tensor">What the pickle says.</param>
/// <param name="IsBuffer">Whether it stands among a module's buffers.</param>
internal readonly record struct NamedTensor(string Name, TorchTensor Tensor, bool IsBuffer);

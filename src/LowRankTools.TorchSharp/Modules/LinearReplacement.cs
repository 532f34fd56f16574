namespace LowRankTools.TorchSharp.Modules;

/// <summary>Why a linear layer stays as it is.</summary>
public enum StaysDense
{
    /// <summary>It does not: it was replaced.</summary>
    No,

    /// <summary>The names to include or exclude leave it out.</summary>
    Excluded,

    /// <summary>Its factors would have no fewer parameters.</summary>
    BreakEven,

    /// <summary>It shares its weight, or itself, with something that stays; factors would come on top of it.</summary>
    TiedToDense,
}

/// <summary>What became of one linear layer.</summary>
/// <param name="Name">Where it is in the module, such as <c>encoder.0.fc1</c>.</param>
/// <param name="InFeatures">Columns of its weight.</param>
/// <param name="OutFeatures">Rows of its weight.</param>
/// <param name="Rank">Rank of its pair, or the largest of its tensor train; null where it stays dense.</param>
/// <param name="Reason">Why it stays dense.</param>
/// <param name="ParametersBefore">Its parameters, bias included.</param>
/// <param name="Parameters">Parameters now.</param>
/// <param name="RelativeError">||W - W'|| / ||W||, W' the product of the factors; null where it stays dense or starts fresh.</param>
public sealed record LinearReplacement(string Name, long InFeatures, long OutFeatures, int? Rank, StaysDense Reason, long ParametersBefore, long Parameters, double? RelativeError);

/// <summary>One parameter of a module.</summary>
/// <param name="Name">Its name in the state dict.</param>
/// <param name="Kind">Type of the module that has it, such as <c>Linear</c>.</param>
/// <param name="Shape">Its shape, first dimension outermost.</param>
/// <param name="InFeatures">Columns of a linear layer's weight; null for others.</param>
/// <param name="OutFeatures">Rows of a linear layer's weight; null for others.</param>
/// <param name="Parameters">Number of entries.</param>
/// <param name="Trainable">Whether it takes part in training.</param>
/// <param name="TiedTo">Name of the parameter before it that shares its memory; null where none does.</param>
public sealed record ModuleLayer(string Name, string Kind, IReadOnlyList<long> Shape, long? InFeatures, long? OutFeatures, long Parameters, bool Trainable, string? TiedTo);

namespace LowRankTools.Core.Planning.Measured;

/// <summary>A layer of a network that runs, as the factors of any choice that a plan may make for it.</summary>
internal interface ITrialLayer : IDisposable
{
    /// <summary>Puts the factors of a rank, or of an option's number, into the network; the dense layer for null.</summary>
    void Show(int? number);
}

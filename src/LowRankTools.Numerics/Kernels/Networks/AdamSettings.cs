namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>The numbers of one step of Adam (Kingma and Ba, 2015) with decoupled decay (Loshchilov and Hutter, 2019).</summary>
/// <param name="Rate">Learning rate.</param>
/// <param name="Decay">Share of a weight, times the rate, that a step takes off.</param>
/// <param name="Beta1">Memory of the mean of the gradients.</param>
/// <param name="Beta2">Memory of the mean of their squares.</param>
/// <param name="Epsilon">What keeps the quotient finite.</param>
public sealed record AdamSettings(double Rate = 1e-3, double Decay = 0, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8);

namespace LowRankTools.Core.Adapters;

/// <summary>Adapters whose modules are other products of factors than B A.</summary>
internal enum ProductKind
{
    /// <summary>LoHa: the elementwise product of two pairs, (B1 A1) o (B2 A2).</summary>
    Hadamard,
    /// <summary>LoKr: the Kronecker product of two matrices, W1 (x) W2.</summary>
    Kronecker,
}

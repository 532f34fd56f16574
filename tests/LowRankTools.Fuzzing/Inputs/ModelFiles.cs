namespace LowRankTools.Fuzzing.Inputs;

/// <summary>One file of a model.</summary>
internal sealed record ModelPart(string Name, FileKind Kind, byte[] Bytes);

/// <summary>A valid model: every input is one of these, damaged.</summary>
/// <param name="Name">Name for reports.</param>
/// <param name="Entry">The part that is opened.</param>
/// <param name="Others">What it refers to.</param>
internal sealed record ModelFiles(string Name, ModelPart Entry, params ModelPart[] Others);

namespace LowRankTools.TorchSharp.Modules;

/// <summary>A module of several that stands for one layer: walks over a tree do not open it.</summary>
internal interface IOneLayer;

using LowRankTools.Formats.Remote;

namespace LowRankTools.Core.Models;

/// <summary>One model, on disk or at an address, found but not opened.</summary>
/// <param name="Path">Full path of what opens it: a weight file, a shard index, a TensorFlow.js model.json; or the address of one on a server.</param>
/// <param name="Name">Name for people and for output folders: the file's stem, or the folder's name where the file
/// is called as every model is (<c>model.safetensors</c>).</param>
/// <param name="Note">What the user should know about how it was found; empty where there is nothing to say.</param>
public sealed record ModelSource(string Path, string Name, string Note = "")
{
    /// <summary>Whether the model lies on a server, of which only headers are read.</summary>
    public bool IsRemote => RemoteAddress.Is(Path);
}

using LowRankTools.Formats;
using LowRankTools.Formats.Remote;

namespace LowRankTools.Core.Models;

/// <summary>Models on servers: how they are called, and where they are not taken.</summary>
internal static class RemoteModels
{
    /// <summary>Parts of the addresses of Hugging Face: <c>OWNER/NAME/resolve/REVISION/FILE</c>.</summary>
    private const string Resolve = "resolve";

    /// <summary>The model at an address; nothing is asked of the server yet.</summary>
    public static ModelSource Source(string address) => new(address, Name(address));

    /// <summary>The error of what needs more of a model than its header.</summary>
    public static ModelFormatException NotTaken(string address) => new(FormatErrors.RemoteAddressRefused,
        "Of models on servers only headers are read.", Shown(address), remedy: "Download the model and name that; Measure-ParameterCount, Get-LayerShapes and Measure-ModelMemory take addresses.");

    /// <summary>Name for people: the file's stem, or the repository's where the file is called as every model is.</summary>
    private static string Name(string address)
    {
        string[] segments = Shown(address).Split('/', StringSplitOptions.RemoveEmptyEntries);
        string stem = ModelFileNames.SharedStem(segments[^1]);
        int resolve = Array.LastIndexOf(segments, Resolve);
        // Scheme and server come first: neither is a name.
        string folder = resolve > 2 ? segments[resolve - 1] : segments.Length > 3 ? segments[^2] : "model";
        return Uri.UnescapeDataString(stem.Length > 0 ? stem : folder);
    }

    private static string Shown(string address) => Uri.TryCreate(address, UriKind.Absolute, out Uri? parsed) ? RemoteAddress.Show(parsed) : address;
}

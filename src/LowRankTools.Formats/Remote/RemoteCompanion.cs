namespace LowRankTools.Formats.Remote;

/// <summary>Small files beside a model on a server, such as its <c>config.json</c>.</summary>
public static class RemoteCompanion
{
    /// <summary>Address of a file in the folder of another one; the other one's query is not carried over.</summary>
    /// <param name="address">Address of the model.</param>
    /// <param name="name">Name of the companion.</param>
    /// <exception cref="ModelFormatException"><c>RemoteAddressRefused</c>, <c>ReferencedFileOutside</c>.</exception>
    public static string Address(string address, string name) =>
        RemoteAddress.Sibling(RemoteAddress.Parse(address, new RemoteOptions { AllowUnencrypted = true, Token = "" }), name);

    /// <summary>All bytes of a small file.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="mostBytes">Length above which it is refused.</param>
    /// <param name="options">How servers are asked.</param>
    /// <returns>The bytes, null where the server has no such file; and what came over the network.</returns>
    /// <exception cref="ModelFormatException">The address is refused, the server fails, or the file is too long.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static (byte[]? Content, long TransferredBytes) Read(string address, int mostBytes, RemoteOptions options)
    {
        using RemoteSession session = new(options);
        try
        {
            using RemoteFile file = new(session, RemoteAddress.Parse(address, options), ownsSession: false);
            if (file.Length > mostBytes)
                throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The file is {file.Length} bytes long; {mostBytes} are read.", file.Path);
            byte[] content = new byte[file.Length];
            file.ReadExactly(0, content, FormatErrors.HeaderTruncated);
            return (content, session.Transfer.Bytes);
        }
        catch (ModelFormatException e) when (e.ErrorId == FormatErrors.RemoteNotFound)
        {
            return (null, session.Transfer.Bytes);
        }
    }
}

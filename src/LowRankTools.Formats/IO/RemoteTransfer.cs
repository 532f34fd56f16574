namespace LowRankTools.Formats.IO;

/// <summary>What came over the network for one model.</summary>
/// <param name="Bytes">Bytes of bodies that were received; the lines of requests and answers around them are not counted.</param>
/// <param name="Requests">Requests that were sent, those after redirects among them.</param>
/// <param name="WithoutRanges">Files whose server knows no ranges: their first bytes were read and the connection closed.</param>
public sealed record RemoteTransfer(long Bytes, int Requests, int WithoutRanges);

namespace LowRankTools.Formats;

/// <summary>What a reader can do about an error of <see cref="FormatErrors"/> where its place in the file tells no better.</summary>
internal static class FormatRemedies
{
    private const string Damaged = "Download or copy it again; if it stays so, save the model again with the program that made it.";
    private const string Resave = "Load it in the program that made it and save it as safetensors.";

    /// <summary>The remedy for an error id; empty for ids that are not of <see cref="FormatErrors"/>.</summary>
    public static string For(string errorId) => errorId switch
    {
        FormatErrors.HeaderTooLarge => "Check that it is a file of this format and not, for example, a page or a pointer saved under its name; download it again.",
        FormatErrors.UnknownFormat or FormatErrors.NoTensors => "Name a file with weights: safetensors, PyTorch, ONNX, GGUF, or the model.json of TensorFlow.js.",
        FormatErrors.VersionUnsupported or FormatErrors.DTypeUnsupported or FormatErrors.ValuesUnsupported or FormatErrors.ArchiveCompressed => Resave,
        FormatErrors.PickleGlobalRefused => "Nothing in a pickle is run here. If you trust the file, load it in PyTorch and save its state_dict.",
        FormatErrors.ShardOfAnotherRun => "Write the model again, or bring the files of one run together.",
        FormatErrors.ReferencedFileMissing => "Put the files that belong to the model beside it.",
        FormatErrors.ReferencedFileOutside => "Put the file into the model's folder and name it without a path that leads out.",
        FormatErrors.NotARegularFile => "Put a regular file there, or name another one.",
        FormatErrors.FileNameInvalid => "Rename it.",
        FormatErrors.RemoteAddressRefused => "Use an address that begins with https://, or download the file and name that.",
        FormatErrors.RemoteUnreachable => "Check the address and the connection; a proxy is taken from HTTPS_PROXY.",
        FormatErrors.RemoteTimeout or FormatErrors.RemoteFailed => "Try again later, or download the file and name that.",
        FormatErrors.RemoteDenied => "Set the environment variable HF_TOKEN to a token that may read the file; of a gated model, accept the terms on its page first.",
        FormatErrors.RemoteNotFound => "Check the address; a file of Hugging Face is at https://huggingface.co/OWNER/NAME/resolve/main/FILE, and one that may not be seen without a token is called absent too.",
        FormatErrors.RemoteAnswerInvalid or FormatErrors.RemoteRedirectRefused or FormatErrors.RemoteRangesMissing or FormatErrors.RemoteLimitReached =>
            "Download the file and name that.",
        FormatErrors.HeaderTruncated or FormatErrors.HeaderInvalid or FormatErrors.TensorTruncated or FormatErrors.TensorOverlap
            or FormatErrors.DataHole or FormatErrors.TensorSizeMismatch or FormatErrors.DuplicateTensor or FormatErrors.ShapeOverflow
            or FormatErrors.PickleInvalid or FormatErrors.ArchiveInvalid => Damaged,
        _ => "",
    };
}

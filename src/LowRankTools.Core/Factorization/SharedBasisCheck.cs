using LowRankTools.Core.Models;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Factorization;

/// <summary>What a shared basis goes together with.</summary>
internal static class SharedBasisCheck
{
    /// <summary>Refuses options that contradict it.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static void Options(FactorizeOptions options)
    {
        if (options is { ShareBasis: 0, ShareBasisExclude.Count: > 0 })
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "-ShareBasisExclude is about layers that share a basis.", "Give -ShareBasis too; a plan says by itself which layers share.");
        if (!options.SharesBasis)
            return;
        (string Problem, string Remedy)? refused =
            options.ShareBasis == 1 || options.ShareBasis < 0 ? ("A basis is shared by at least 2 layers.", "Give -ShareBasis 2 or more, or leave it out.")
            : options is { Plan: not null, ShareBasis: > 0 } ? ("A plan says which layers share a basis.", "Give -ShareBasis when you plan.")
            : options.Method is not null ? ("Layers that share a basis are pairs.", "Leave -Method out, or -ShareBasis.")
            : options.Quantize is not null ? ("Factors that share a basis are stored as floats.", "Leave -Quantize out, or -ShareBasis.")
            : options.Calibration?.Mode == CalibrationMode.Swept ? ("The sweep refits the basis to one layer, and here there are several.", "Choose another -CalibrationMode; -CalibrationRefit fits the layers' own factors.")
            : null;
        if (refused is { } found)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, found.Problem, found.Remedy);
    }

    /// <summary>Refuses formats in which two layers cannot use one tensor.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static void Format(Model model, ModelFormat format, FactorizeOptions options)
    {
        if (options.SharesBasis && format is not (ModelFormat.Safetensors or ModelFormat.PyTorch or ModelFormat.Onnx))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{model.Source.Path}: {format} is not written with factors that several layers share.", "Write Safetensors, PyTorch or Onnx, or leave -ShareBasis out.");
    }
}

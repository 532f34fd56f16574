using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Published ONNX models: every value as the reference library reads it, and roles that make sense.</summary>
public sealed class OnnxRealModelTests
{
    [RealModelTheory(RealModels.OcrDetector, RealModels.OcrRecognizer, RealModels.OcrClassifier, RealModels.SileroVad,
        RealModels.SileroVadLegacy, RealModels.LineSegmentsTiny, RealModels.LineSegmentsLarge)]
    [InlineData(RealModels.OcrDetector, 342)]
    [InlineData(RealModels.OcrRecognizer, 325)]
    [InlineData(RealModels.OcrClassifier, 250)]
    [InlineData(RealModels.SileroVad, 341)]
    [InlineData(RealModels.SileroVadLegacy, 259)]
    [InlineData(RealModels.LineSegmentsTiny, 103)]
    [InlineData(RealModels.LineSegmentsLarge, 137)]
    public void Every_tensor_is_listed_and_every_weight_has_a_role(string model, int tensors)
    {
        using TensorFile file = TensorFiles.Open(RealModels.Path(model));

        Assert.Equal(ModelFormat.Onnx, file.Format);
        Assert.Equal(tensors, file.Tensors.Count);
        Assert.Equal(tensors, file.Tensors.Select(t => t.Name).Distinct().Count());
        Assert.DoesNotContain(file.Tensors, t => t.DType.IsFloat() && t.Role == TensorRole.Unknown);
        Assert.All(file.Tensors.Where(t => t.DType is TensorDType.I64 or TensorDType.I32), t => Assert.Equal(TensorRole.Buffer, t.Role));
    }

    [RealModelTheory(RealModels.OcrDetector, RealModels.OcrRecognizer, RealModels.OcrClassifier, RealModels.SileroVad,
        RealModels.SileroVadLegacy, RealModels.LineSegmentsTiny, RealModels.LineSegmentsLarge, Python = "onnx")]
    [InlineData(RealModels.OcrDetector)]
    [InlineData(RealModels.OcrRecognizer)]
    [InlineData(RealModels.OcrClassifier)]
    [InlineData(RealModels.SileroVad)]
    [InlineData(RealModels.SileroVadLegacy)]
    [InlineData(RealModels.LineSegmentsTiny)]
    [InlineData(RealModels.LineSegmentsLarge)]
    public void Every_value_is_the_reference_librarys(string model) => OnnxAgreement.Check(RealModels.Path(model));

    [RealModelFact(RealModels.OcrRecognizer)]
    public void The_recognisers_attention_is_stored_in_by_out()
    {
        using TensorFile file = TensorFiles.Open(RealModels.Path(RealModels.OcrRecognizer));
        TensorInfo[] matrices = [.. file.Tensors.Where(t => t.Role == TensorRole.MatMulRight)];

        Assert.Equal(9, matrices.Length);
        Assert.Contains(matrices, t => t.Shape.SequenceEqual([120L, 360L]));
        Assert.Contains(matrices, t => t.Shape.SequenceEqual([120L, 6625L]));
        Assert.Equal(38, file.Tensors.Count(t => t.Role == TensorRole.Convolution));
    }

    [RealModelFact(RealModels.SileroVad)]
    public void Branches_of_the_voice_detector_hold_its_recurrent_cells()
    {
        using TensorFile file = TensorFiles.Open(RealModels.Path(RealModels.SileroVad));
        Assert.Equal(4, file.Tensors.Count(t => t.Role == TensorRole.Recurrent));
        Assert.Equal("spox", file.Metadata["producer_name"]);
    }
}

using LowRankTools.Core.Calibration;
using LowRankTools.Core.Layers;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using static LowRankTools.Core.Tests.Calibration.CalibrationFiles;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>What a calibration file may say, and what is refused before anything is computed from it.</summary>
public sealed class CalibrationFileTests : IDisposable
{
    private static readonly LayerShape s_layer = new()
    {
        Path = "", Model = "", Name = "fc.weight", Kind = LayerKind.Linear, Shape = [6, 8], DType = "F32", InFeatures = 8, OutFeatures = 6,
        Orientation = WeightOrientation.OutIn, Parameters = 48, Bytes = 192, Trainable = true,
    };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(TensorDType.F64, 1e-15)]
    [InlineData(TensorDType.F32, 1e-6)]
    [InlineData(TensorDType.F16, 1e-2)]
    [InlineData(TensorDType.BF16, 1e-2)]
    public void Grams_are_read_from_any_type(TensorDType type, double precision)
    {
        double[,] x = Random(1, 8, 20);
        using LayerCalibration read = Read(Gram("fc", x, type));
        double[,] expected = Multiply(x, Transpose(x));
        Near(0, Math.Sqrt(SquaredNorm(Add(Of(read.Inputs.Original.Dense!), expected, -1))), Math.Sqrt(SquaredNorm(expected)), precision);
        Assert.Null(read.HeldOut);
        Assert.Null(read.OutputGradients);
        Assert.Null(read.Sensitivity);
    }

    [Fact]
    public void Of_inputs_the_last_fifth_is_kept_back()
    {
        double[,] x = Random(1, 8, 23);
        using LayerCalibration read = Read(Inputs("fc", x));
        double[,] first = Columns(x, 0, 19), last = Columns(x, 19, 4);
        Near(0, SquaredNorm(Add(Of(read.Inputs.Original.Dense!), Multiply(first, Transpose(first)), -1)), 1, 1e-9);
        Near(0, SquaredNorm(Add(Of(read.HeldOut!.Original.Dense!), Multiply(last, Transpose(last)), -1)), 1, 1e-9);
        for (int i = 0; i < 8; i++)
            Assert.Equal(Enumerable.Range(0, 19).Average(t => Math.Abs(x[i, t])), read.Magnitudes[i], 1e-6);
    }

    [Fact]
    public void Inputs_beside_a_held_out_part_are_used_whole()
    {
        double[,] x = Random(1, 8, 23), held = Random(2, 8, 5);
        using LayerCalibration read = Read(Inputs("fc", x), Inputs("fc", held, "heldout_inputs"));
        Near(0, SquaredNorm(Add(Of(read.Inputs.Original.Dense!), Multiply(x, Transpose(x)), -1)), 1, 1e-9);
        Near(0, SquaredNorm(Add(Of(read.HeldOut!.Original.Dense!), Multiply(held, Transpose(held)), -1)), 1, 1e-9);
    }

    [Fact]
    public void A_vector_is_a_diagonal_and_counts_and_sensitivities_are_numbers()
    {
        double[,] diagonal = Squares(Random(1, 1, 8));
        using LayerCalibration read = Read(Tensor("fc.gram", diagonal, vector: true), Tensor("fc.count", new double[,] { { 4 } }, vector: true),
            Tensor("fc.sensitivity", new double[,] { { 2.5 } }, TensorDType.F32), Tensor("fc.output_gram", new double[1, 6], vector: true));
        Assert.Equal(diagonal.Cast<double>(), read.Inputs.Original.Diagonal!);
        Assert.Equal(Math.Sqrt(diagonal[0, 3] / 4), read.Magnitudes[3], 1e-12);
        Assert.Equal(2.5, read.Sensitivity);
        Assert.Equal(6, read.OutputGradients!.Size);
    }

    public static TheoryData<string> Attacks =>
    [
        "not symmetric", "negative diagonal", "off the diagonal too large", "NaN", "infinite inputs", "infinite diagonal", "negative in a vector",
        "other width", "other height", "three dimensions worth", "inputs of another width", "output gram of the inputs' size",
        "cross without compressed", "compressed without cross", "cross without gram", "gram and inputs", "nothing but a count",
        "count of zero", "negative sensitivity", "two sensitivities", "unknown part", "no part", "held-out cross alone",
    ];

    [Theory, MemberData(nameof(Attacks))]
    public void What_no_inputs_can_have_made_is_refused_by_name(string attack)
    {
        double[,] good = Multiply(Random(1, 8, 20), Random(2, 20, 8));
        good = Multiply(good, Transpose(good));
        double[,] With(int i, int j, double value)
        {
            double[,] bad = (double[,])good.Clone();
            bad[i, j] = value;
            return bad;
        }
        var gram = Tensor("fc.gram", good);
        (string, TensorDType, double[,], bool)[] tensors = attack switch
        {
            "not symmetric" => [Tensor("fc.gram", With(1, 2, good[1, 2] + 0.5 * Math.Sqrt(good[1, 1] * good[2, 2])))],
            "negative diagonal" => [Tensor("fc.gram", With(3, 3, -1))],
            "off the diagonal too large" => [Tensor("fc.gram", With(3, 3, 0))],
            "NaN" => [Tensor("fc.gram", With(0, 7, double.NaN))],
            "infinite inputs" => [Inputs("fc", With(0, 0, double.PositiveInfinity))],
            "infinite diagonal" => [Tensor("fc.gram", With(7, 7, double.PositiveInfinity))],
            "negative in a vector" => [Tensor("fc.gram", new double[,] { { 1, 1, 1, -1, 1, 1, 1, 1 } }, vector: true)],
            "other width" => [Tensor("fc.gram", new double[8, 9])],
            "other height" => [Tensor("fc.gram", new double[6, 6])],
            "three dimensions worth" => [Tensor("fc.gram", new double[1, 64], vector: true)],
            "inputs of another width" => [Tensor("fc.inputs", new double[5, 7])],
            "output gram of the inputs' size" => [gram, Tensor("fc.output_gram", good)],
            "cross without compressed" => [gram, Tensor("fc.cross_gram", good)],
            "compressed without cross" => [gram, Tensor("fc.compressed_gram", good)],
            "cross without gram" => [Tensor("fc.inputs", good), Tensor("fc.cross_gram", good), Tensor("fc.compressed_gram", good)],
            "gram and inputs" => [gram, Tensor("fc.inputs", good)],
            "nothing but a count" => [Tensor("fc.count", new double[,] { { 1 } })],
            "count of zero" => [gram, Tensor("fc.count", new double[,] { { 0 } })],
            "negative sensitivity" => [gram, Tensor("fc.sensitivity", new double[,] { { -1 } })],
            "two sensitivities" => [gram, Tensor("fc.sensitivity", new double[,] { { 1, 1 } })],
            "unknown part" => [gram, Tensor("fc.grams", good)],
            "no part" => [Tensor("gram", good)],
            _ => [gram, Tensor("fc.heldout_gram", good), Tensor("fc.heldout_cross_gram", good)],
        };
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Read(tensors).Dispose());
        Assert.Equal(CoreErrors.CalibrationInvalid, error.ErrorId);
        Assert.Contains("calibration.safetensors", error.Message, StringComparison.Ordinal);
        Assert.Contains(attack == "no part" ? "gram" : "fc", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(error.Remedy);
    }

    [Fact]
    public void A_file_that_is_not_there_or_no_model_file_is_refused()
    {
        Assert.Equal(CoreErrors.PathNotFound, Assert.Throws<LowRankToolsException>(() => CalibrationFile.Open(_folder["none.safetensors"])).ErrorId);
        File.WriteAllText(_folder["text.safetensors"], "no header at all");
        Assert.Throws<ModelFormatException>(() => CalibrationFile.Open(_folder["text.safetensors"]));
    }

    private LayerCalibration Read(params (string Name, TensorDType Type, double[,] Values, bool Vector)[] tensors)
    {
        using CalibrationFile file = CalibrationFile.Open(Write(_folder["calibration.safetensors"], tensors));
        Assert.True(file.Has("fc.weight"));
        return file.Read(s_layer, Engine, default);
    }

    private static double[,] Squares(double[,] a)
    {
        double[,] squares = (double[,])a.Clone();
        for (int j = 0; j < a.GetLength(1); j++)
            squares[0, j] *= a[0, j];
        return squares;
    }

    private static double[,] Columns(double[,] a, int first, int count)
    {
        double[,] part = new double[a.GetLength(0), count];
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int t = 0; t < count; t++)
                part[i, t] = a[i, first + t];
        }
        return part;
    }
}

using LowRankTools.Core.Calibration;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Spectra;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;
using static LowRankTools.Core.Tests.Calibration.CalibrationFiles;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>Factorization with a calibration file, from file to file.</summary>
public sealed class CalibratedFactorizationTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_written_pair_has_the_errors_that_are_reported_and_beats_the_plain_one()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20), TestModel.Random("other.weight", 2, 16, 16));
        double[,] x = Inputs(3, 20, 60), held = Inputs(3, 20, 80);
        string file = Write(_folder["calibration.safetensors"], Gram("fc", x), Gram("fc", held, part: "heldout_gram"));
        FactorizationResult plain = Run(model, "plain", null), calibrated = Run(model, "calibrated", new CalibrationOptions { Path = file });

        LayerFactorization layer = calibrated.Layers.Single(l => l.Name == "fc.weight");
        double[,] w = Weight(model, "fc.weight"), pair = Pair(calibrated.Path, "fc");
        double[,] plainPair = Pair(plain.Path, "fc");
        Assert.Equal(Relative(w, pair, x), layer.CalibratedError!.Value, 1e-5);
        Assert.Equal(Relative(w, pair, held), layer.HeldOutError!.Value, 1e-5);
        Assert.Equal(Math.Sqrt(SquaredNorm(Add(w, pair, -1)) / SquaredNorm(w)), layer.RelativeError!.Value, 1e-5);
        Assert.True(layer.CalibratedError < Relative(w, plainPair, x));
        Assert.True(layer.RelativeError > plain.Layers[0].RelativeError);
        Assert.StartsWith("calibrated on inputs (whitened", layer.Method, StringComparison.Ordinal);

        // The layer that the file does not know is truncated as ever, and the result says so.
        Assert.Equal(["other.weight"], calibrated.Uncalibrated);
        LayerFactorization other = calibrated.Layers.Single(l => l.Name == "other.weight");
        Assert.Null(other.CalibratedError);
        Assert.Equal(plain.Layers.Single(l => l.Name == "other.weight").RelativeError, other.RelativeError);
        Assert.Empty(plain.Uncalibrated);
    }

    [Fact]
    public void The_record_says_how_it_was_calibrated()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20), TestModel.Random("other.weight", 2, 16, 16));
        string file = Write(_folder["seen.safetensors"], Gram("fc", Inputs(3, 20, 60)));
        FactorizationResult result = Run(model, "small", new CalibrationOptions { Path = file, Refit = true });
        using Model written = Model.Open(new ModelSource(result.Path, "small"));
        FactorizationRecord record = written.Record!;
        Assert.Equal(("seen.safetensors", CalibrationMode.Full, true), (record.Calibration!.File, record.Calibration.Mode, record.Calibration.Refit));
        Assert.Equal(["CalibratedSvd", "TruncatedSvd"], record.Layers.Select(l => l.Method));
        Assert.Equal(result.Layers[0].CalibratedError, record.Layers[0].CalibratedError);
        Assert.Null(record.Layers[0].HeldOutError);
        Assert.Null(record.Layers[1].CalibratedError);
        Assert.Contains("\"CalibratedError\"", File.ReadAllText(Path.Combine(Path.GetDirectoryName(result.Path)!, FactorizationRecord.FileName)), StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_and_their_Gram_give_the_same_model()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20));
        double[,] x = Inputs(3, 20, 60), held = Inputs(4, 20, 10);
        string grams = Write(_folder["g.safetensors"], Gram("fc", x), Gram("fc", held, part: "heldout_gram"));
        string inputs = Write(_folder["x.safetensors"], Inputs("fc", x), Inputs("fc", held, "heldout_inputs"));
        double[,] one = Pair(Run(model, "one", new CalibrationOptions { Path = grams }).Path, "fc"), two = Pair(Run(model, "two", new CalibrationOptions { Path = inputs }).Path, "fc");
        Near(0, Math.Sqrt(SquaredNorm(Add(one, two, -1))), Math.Sqrt(SquaredNorm(one)), 1e-4);
    }

    [Fact]
    public void A_weight_stored_in_by_out_is_calibrated_on_its_inputs()
    {
        (string Name, long[] Shape, float[] Values) outIn = TestModel.Random("a.proj.weight", 1, 30, 20);
        string straight = TestModel.Write(_folder["straight.safetensors"], outIn);
        string turned = TestModel.Write(_folder["turned.safetensors"], ("h.0.mlp.c_fc.weight", [20, 30], TestModel.Transpose(outIn.Values, 30, 20)), ("h.0.mlp.c_fc.bias", [30], new float[30]));
        double[,] x = Inputs(3, 20, 60);
        double? one = Run(straight, "one", new CalibrationOptions { Path = Write(_folder["s.safetensors"], Gram("a.proj", x)) }).Layers[0].CalibratedError;
        FactorizationResult two = Run(turned, "two", new CalibrationOptions { Path = Write(_folder["t.safetensors"], Gram("h.0.mlp.c_fc", x)) });
        Assert.Equal(one!.Value, two.Layers[0].CalibratedError!.Value, 1e-6);
        Assert.Equal(Relative(Weight(straight, "a.proj.weight"), Pair(two.Path, "h.0.mlp.c_fc"), x), one.Value, 1e-5);
    }

    [Fact]
    public void An_embedding_is_fitted_to_how_often_its_rows_are_asked_for()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("embed_tokens.weight", 1, 50, 12));
        double[,] counts = new double[1, 50], x = new double[50, 50];
        for (int i = 0; i < 50; i++)
            x[i, i] = Math.Sqrt(counts[0, i] = 1000.0 / (1 + i));
        string file = Write(_folder["calibration.safetensors"], Tensor("embed_tokens.gram", counts, vector: true));
        FactorizeOptions options = Options("small", new CalibrationOptions { Path = file }) with { Selection = new LayerSelection { IncludeEmbedding = true } };
        FactorizationResult result = new FactorizeModel(options).Run(new ModelSource(model, "model"));
        double[,] table = Transpose(Weight(model, "embed_tokens.weight"));
        Dictionary<string, (long[] Shape, float[] Values)> tensors = TestModel.Read(result.Path);
        double[,] pair = Multiply(Matrix(tensors["embed_tokens.1.weight"]), Transpose(Matrix(tensors["embed_tokens.0.weight"])));
        Assert.Equal(Relative(table, pair, x), result.Layers[0].CalibratedError!.Value, 1e-5);
        (double[,] best, _) = Solve(table, null, Gram(x), 4);
        Assert.Equal(Relative(table, best, x), result.Layers[0].CalibratedError!.Value, 1e-4);
    }

    [Theory]
    [InlineData(CalibrationMode.Full, TensorDType.BF16)]
    [InlineData(CalibrationMode.Diagonal, TensorDType.F32)]
    public void A_refit_takes_error_away(CalibrationMode mode, TensorDType dtype)
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20));
        string file = Write(_folder["calibration.safetensors"], Gram("fc", Inputs(3, 20, 60)));
        CalibrationOptions use = new() { Path = file, Mode = mode };
        double Error(string folder, CalibrationOptions calibration) =>
            new FactorizeModel(Options(folder, calibration) with { DType = dtype, Rule = new RankRule.Fixed(9) }).Run(new ModelSource(model, "model")).Layers[0].CalibratedError!.Value;
        double without = Error("without", use), with = Error("with", use with { Refit = true });
        Assert.True(with < without, $"{with} against {without}");
    }

    [Fact]
    public void Sequential_and_two_sided_parts_of_the_file_are_used()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20));
        double[,] x = Inputs(3, 20, 60), arriving = Add(x, Inputs(5, 20, 60), 0.5), g = Inputs(7, 30, 90), w = Weight(model, "fc.weight");
        string sequential = Write(_folder["s.safetensors"], Gram("fc", x), Tensor("fc.cross_gram", Multiply(x, Transpose(arriving))), Gram("fc", arriving, part: "compressed_gram"));
        string twoSided = Write(_folder["t.safetensors"], Gram("fc", x), Gram("fc", g, part: "output_gram"));
        string oneSided = Write(_folder["o.safetensors"], Gram("fc", x));
        FactorizationResult s = Run(model, "s", new CalibrationOptions { Path = sequential }), t = Run(model, "t", new CalibrationOptions { Path = twoSided }), o = Run(model, "o", new CalibrationOptions { Path = oneSided });
        double Sequential(string path) => Math.Sqrt(SquaredNorm(Add(Multiply(w, x), Multiply(Pair(path, "fc"), arriving), -1)) / SquaredNorm(Multiply(w, x)));
        double TwoSided(string path) => SquaredNorm(Multiply(Transpose(g), Multiply(Add(w, Pair(path, "fc"), -1), x)));
        Assert.Equal(Sequential(s.Path), s.Layers[0].CalibratedError!.Value, 1e-5);
        Assert.True(Sequential(s.Path) < Sequential(o.Path));
        Assert.True(TwoSided(t.Path) < TwoSided(o.Path));
        Assert.Contains("sequential", s.Layers[0].Method, StringComparison.Ordinal);
        Assert.Contains("gradients", t.Layers[0].Method, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bytes_do_not_depend_on_the_threads()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 150, 130), TestModel.Random("fd.weight", 2, 130, 150));
        string file = Write(_folder["calibration.safetensors"], Gram("fc", Inputs(3, 130, 200)), Gram("fd", Inputs(4, 150, 200)));
        byte[] Bytes(int threads) => File.ReadAllBytes(new FactorizeModel(Options($"t{threads}", new CalibrationOptions { Path = file }) with
        {
            Svd = new SvdOptions { ThreadCount = threads },
        }).Run(new ModelSource(model, "model")).Path);
        Assert.Equal(Bytes(1), Bytes(4));
    }

    [Fact]
    public void A_file_that_fits_no_layer_or_the_wrong_one_fails_before_anything_is_written()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20));
        string unmatched = Write(_folder["u.safetensors"], Gram("model.fc", Inputs(3, 20, 60))), wrong = Write(_folder["w.safetensors"], Gram("fc", Inputs(3, 30, 60)));
        Assert.Equal(CoreErrors.CalibrationUnmatched, Assert.Throws<LowRankToolsException>(() => Run(model, "out", new CalibrationOptions { Path = unmatched })).ErrorId);
        Assert.Equal(CoreErrors.CalibrationInvalid, Assert.Throws<ModelFormatException>(() => Run(model, "out", new CalibrationOptions { Path = wrong })).ErrorId);
        Assert.Equal(CoreErrors.PathNotFound, Assert.Throws<LowRankToolsException>(() => Run(model, "out", new CalibrationOptions { Path = _folder["none"] })).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Run(model, "out", new CalibrationOptions { Path = wrong, Damping = 0 })).ErrorId);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void The_spectrum_for_plans_is_what_the_factorization_discards()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20));
        double[,] x = Inputs(3, 20, 60);
        CalibrationOptions use = new() { Path = Write(_folder["calibration.safetensors"], Gram("fc", x), Tensor("fc.sensitivity", new double[,] { { 3 } })) };
        double error = Run(model, "out", use).Layers[0].CalibratedError!.Value;
        using CalibrationFile file = CalibrationFile.Open(use.Path);
        using Model opened = Model.Open(new ModelSource(model, "model"));
        CalibratedSpectrum spectrum = CalibratedSpectrum.Compute(Engine, opened, opened.Layers[0], file, use, default);
        Assert.Equal(error, Math.Sqrt(spectrum.Values.Skip(4).Sum(s => s * s) / Energy(spectrum)), 1e-5);
        Assert.Equal(3 / Energy(spectrum), spectrum.Weight, 1e-12 * spectrum.Weight);
    }

    [Fact]
    public void With_gradients_the_energies_of_layers_are_in_one_unit()
    {
        string model = TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20));
        double[,] x = Inputs(3, 20, 60), g = Inputs(4, 30, 60), w = Weight(model, "fc.weight");
        CalibratedSpectrum Spectrum(double[,] inputs, double[,] gradients, double tokens)
        {
            CalibrationOptions use = new() { Path = Write(_folder["calibration.safetensors"], Gram("fc", inputs), Gram("fc", gradients, part: "output_gram"), Tensor("fc.count", new double[,] { { tokens } })) };
            using CalibrationFile file = CalibrationFile.Open(use.Path);
            using Model opened = Model.Open(new ModelSource(model, "model"));
            return CalibratedSpectrum.Compute(Engine, opened, opened.Layers[0], file, use, default);
        }
        CalibratedSpectrum once = Spectrum(x, g, 60);
        Assert.Equal(SquaredNorm(Multiply(Transpose(g), Multiply(w, x))), Energy(once), 1e-4 * Energy(once));
        // Each token seen twice: both sums double, and so does the loss, not fourfold.
        CalibratedSpectrum twice = Spectrum(Side(x, x), Side(g, g), 120);
        Assert.Equal(2 * once.Weight * Energy(once), twice.Weight * Energy(twice), 1e-6 * once.Weight * Energy(once));
    }

    private static double Energy(CalibratedSpectrum spectrum) => SpectrumMeasures.SquaredNorm(spectrum.Values);

    private static double[,] Side(double[,] a, double[,] b)
    {
        int m = a.GetLength(0), n = a.GetLength(1);
        double[,] both = new double[m, n + b.GetLength(1)];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < both.GetLength(1); j++)
                both[i, j] = j < n ? a[i, j] : b[i, j - n];
        }
        return both;
    }

    private FactorizeOptions Options(string folder, CalibrationOptions? calibration) =>
        new() { Rule = new RankRule.Fixed(4), OutputPath = _folder[folder], Calibration = calibration };

    private FactorizationResult Run(string model, string folder, CalibrationOptions? calibration) =>
        new FactorizeModel(Options(folder, calibration)).Run(new ModelSource(model, "model"));

    private static double Relative(double[,] w, double[,] approximation, double[,] x) => Math.Sqrt(Loss(w, approximation, x) / SquaredNorm(Multiply(w, x)));

    private static double[,] Weight(string path, string name) => Matrix(TestModel.Read(path)[name]);

    private static double[,] Pair(string path, string module)
    {
        Dictionary<string, (long[] Shape, float[] Values)> tensors = TestModel.Read(path);
        return Multiply(Matrix(tensors[module + ".1.weight"]), Matrix(tensors[module + ".0.weight"]));
    }

    private static double[,] Matrix((long[] Shape, float[] Values) tensor)
    {
        double[,] matrix = new double[tensor.Shape[0], tensor.Shape[1]];
        for (int i = 0; i < tensor.Values.Length; i++)
            matrix[i / tensor.Shape[1], i % tensor.Shape[1]] = tensor.Values[i];
        return matrix;
    }
}

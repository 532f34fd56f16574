using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>One command collects what layers are fed behind compressed ones.</summary>
public sealed class CollectSequentialTests : IDisposable
{
    private static readonly LlamaConfig s_config = new() { Vocabulary = 60, Positions = 16, Width = 32, Depth = 2, Heads = 4, KeyValueHeads = 2, HeadWidth = 8, Hidden = 64 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Sums_are_those_of_the_original_and_of_the_very_model_that_is_written_with_them()
    {
        (ModelSource source, RankPlan plan) = Planned();
        CalibrationResult made = Collect(source, plan, "sequential.safetensors");
        Assert.True(made.Sequential);
        Assert.Equal(plan.Layers.Count(l => l.Rank is not null), made.Layers);
        FactorizationResult written = Factorize(source, plan, made.Path, CalibrationMode.Full);
        Assert.Empty(written.Uncalibrated);
        // Padded batches and one sequence at a time: what the last planned layer is fed in both models.
        (double[,] x, double[,] y) = (Inputs(source), Inputs(new ModelSource(written.Path, "small")));
        Dictionary<string, (long[] Shape, float[] Values)> file = TestModel.Read(made.Path);
        foreach ((string part, double[,] expected) in new[] { ("gram", Dense.Multiply(x, Dense.Transpose(x))), ("cross_gram", Dense.Multiply(x, Dense.Transpose(y))), ("compressed_gram", Dense.Multiply(y, Dense.Transpose(y))) })
            Assert.InRange(TestModel.RelativeError(file[$"model.layers.1.mlp.down_proj.{part}"].Values, [.. expected.Cast<double>()]), 0, 1e-3);
        Assert.Equal(x.GetLength(1), file["model.layers.1.mlp.down_proj.count"].Values[0]);
    }

    [Fact]
    public void A_plan_made_with_gradients_weighs_what_is_lost_by_them_and_the_sums_are_those_of_the_model_written_so()
    {
        (ModelSource source, _) = Planned();
        string gradients = new ExportCalibration(Options("gradients.safetensors")).Run(source).Path;
        RankPlan plan = new MakePlan(new PlanOptions
        {
            Rule = new RankRule.TargetReduction(2), Selection = new LayerSelection { Include = [n => n.Contains("layers", StringComparison.Ordinal)] },
            Weighting = Weighting.Calibrated, Calibration = new CalibrationOptions { Path = gradients },
        }).Run(source);
        CalibrationResult made = Collect(source, plan, "sequential.safetensors");
        FactorizationResult written = Factorize(source, plan, made.Path, CalibrationMode.Full);
        double[,] y = Inputs(new ModelSource(written.Path, "small"));
        Dictionary<string, (long[] Shape, float[] Values)> file = TestModel.Read(made.Path), known = TestModel.Read(gradients);
        Assert.InRange(TestModel.RelativeError(file["model.layers.1.mlp.down_proj.compressed_gram"].Values, [.. Dense.Multiply(y, Dense.Transpose(y)).Cast<double>()]), 0, 1e-3);
        foreach (LayerPlan layer in plan.Layers.Where(l => l.Rank is not null))
        {
            string part = LayerNames.Module(layer.Name) + ".output_gram";
            Assert.Equal(known[part].Values, file[part].Values);
        }

        // A pair of the rank that does not weigh by them loses more of what they weigh.
        using CalibrationFile opened = CalibrationFile.Open(made.Path);
        using Model model = Model.Open(source);
        EmbeddedEngine engine = new();
        Dictionary<string, (long[] Shape, float[] Values)> weighed = TestModel.Read(written.Path), others = TestModel.Read(Factorize(source, plan, made.Path, CalibrationMode.Inputs).Path);
        int compared = 0;
        foreach (ModelLayer layer in model.Layers.Where(l => plan.Layers.Any(p => p.Name == l.Shape.Name && p.Rank is not null)))
        {
            using LayerCalibration calibration = opened.Read(layer.Shape, engine, default);
            string name = LayerNames.Module(layer.Shape.Name);
            using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, default);
            double Loss(Dictionary<string, (long[] Shape, float[] Values)> factors)
            {
                using Matrix<float> left = Of(factors[name + ".1.weight"]), right = Of(factors[name + ".0.weight"]);
                double[,] w = Array(weight), product = Dense.Multiply(Array(left), Array(right)), c = Array(calibration.Inputs.Cross!), h = Array(calibration.OutputGradients!.Dense!);
                double[,] cross = Dense.Multiply(Dense.Multiply(w, c), Dense.Transpose(product)), own = Dense.Multiply(Dense.Multiply(product, Array(calibration.Inputs.Compressed!.Dense!)), Dense.Transpose(product));
                // tr(H (W X - W' Y)(W X - W' Y)^T) without the part that no W' changes.
                return Enumerable.Range(0, h.GetLength(0)).Sum(i => Enumerable.Range(0, h.GetLength(0)).Sum(j => h[i, j] * (own[j, i] - cross[j, i] - cross[i, j])));
            }
            (double with, double without) = (Loss(weighed), Loss(others));
            Assert.True(with <= without + 1e-4 * Math.Abs(without), $"{name}: {with} against {without}");
            compared += with < without - 1e-4 * Math.Abs(without) ? 1 : 0;
        }
        Assert.True(compared > 3);
        File.Delete(gradients);
        Assert.Equal(CoreErrors.PathNotFound, Assert.Throws<LowRankToolsException>(() => Collect(source, plan, "again.safetensors")).ErrorId);
        new ExportCalibration(Options("gradients.safetensors") with { HeldOut = 0.5 }).Run(source);
        Assert.Equal(CoreErrors.CalibrationInvalid, Assert.Throws<LowRankToolsException>(() => Collect(source, plan, "again.safetensors")).ErrorId);
        Assert.False(File.Exists(_folder["again.safetensors"]));
    }

    [Fact]
    public void Every_layer_is_nearer_to_the_originals_outputs_than_one_that_knows_nothing_of_those_before()
    {
        (ModelSource source, RankPlan plan) = Planned();
        string sequential = Collect(source, plan, "sequential.safetensors").Path;
        string alone = new ExportCalibration(Options("alone.safetensors") with { Gradients = GradientSource.None }).Run(source).Path;
        using CalibrationFile file = CalibrationFile.Open(sequential);
        using Model model = Model.Open(source);
        EmbeddedEngine engine = new();
        Dictionary<string, double> errors = Factorize(source, plan, sequential, CalibrationMode.Full).Layers.Where(l => l.Rank is not null).ToDictionary(l => l.Name, l => l.CalibratedError!.Value);
        Dictionary<string, (long[] Shape, float[] Values)> others = TestModel.Read(Factorize(source, plan, alone, CalibrationMode.Inputs).Path);
        foreach (ModelLayer layer in model.Layers.Where(l => errors.ContainsKey(l.Shape.Name)))
        {
            using LayerCalibration known = file.Read(layer.Shape, engine, default);
            string name = LayerNames.Module(layer.Shape.Name);
            using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, default), left = Of(others[name + ".1.weight"]), right = Of(others[name + ".0.weight"]);
            double other = CalibratedError.Relative(engine, weight.View, left.View, right.View, known.Inputs, default);
            Assert.True(errors[layer.Shape.Name] <= other * (1 + 1e-4), $"{name}: {errors[layer.Shape.Name]} against {other}");
        }
    }

    [Fact]
    public void Gradients_a_plan_of_another_model_and_layers_that_are_not_linear_are_refused()
    {
        (ModelSource source, RankPlan plan) = Planned();
        ModelSource other = new ModelFolder(s_config) { Seed = 5 }.Write(_folder["other"]);
        RankPlan table = new MakePlan(new PlanOptions { Rule = new RankRule.KeepRatio(0.5), Selection = new LayerSelection { IncludeEmbedding = true } }).Run(source);
        string Id(Action run) => Assert.Throws<LowRankToolsException>(run).ErrorId;
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => new ExportCalibration(Options("a.safetensors") with { Plan = plan, Gradients = GradientSource.NextToken }).Run(source)));
        Assert.Equal(CoreErrors.PlanModelMismatch, Id(() => Collect(other, plan, "a.safetensors")));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Collect(source, table, "a.safetensors")));
        Assert.False(File.Exists(_folder["a.safetensors"]));
    }

    [Fact]
    public void Inputs_alone_are_what_a_file_without_gradients_gives()
    {
        (ModelSource source, RankPlan plan) = Planned();
        string both = new ExportCalibration(Options("both.safetensors")).Run(source).Path, alone = new ExportCalibration(Options("alone.safetensors") with { Gradients = GradientSource.None }).Run(source).Path;
        double[] Errors(string path, CalibrationMode mode) => [.. Factorize(source, plan, path, mode).Layers.Where(l => l.Rank is not null).Select(l => l.CalibratedError!.Value)];
        double[] whitened = Errors(both, CalibrationMode.Inputs), expected = Errors(alone, CalibrationMode.Full), weighed = Errors(both, CalibrationMode.Full);
        Assert.All(whitened.Zip(expected), e => Assert.Equal(e.Second, e.First, 1e-4));
        // Of all pairs of the rank the whitened one loses the least on the inputs.
        Assert.All(whitened.Zip(weighed), e => Assert.True(e.First <= e.Second * (1 + 1e-4)));
        Assert.True(whitened.Sum() < weighed.Sum());
    }

    private static double[,] Array<T>(Matrix<T> matrix)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        double[,] values = new double[matrix.Rows, matrix.Columns];
        for (int i = 0; i < matrix.Rows; i++)
        {
            for (int j = 0; j < matrix.Columns; j++)
                values[i, j] = double.CreateChecked(matrix[i, j]);
        }
        return values;
    }

    private (ModelSource, RankPlan) Planned()
    {
        ModelSource source = new ModelFolder(s_config).Write(_folder["model"]);
        Random random = new(3);
        File.WriteAllLines(_folder["tokens.txt"], Enumerable.Range(0, 120).Select(i => string.Join(' ', Enumerable.Range(0, 5 + (i % 12)).Select(_ => (int)(60 * Math.Pow(random.NextDouble(), 2))))));
        return (source, new MakePlan(new PlanOptions { Rule = new RankRule.KeepRatio(0.5), Selection = new LayerSelection { Include = [n => n.Contains("layers", StringComparison.Ordinal)] } }).Run(source));
    }

    private ExportCalibrationOptions Options(string name) => new() { Input = new InputText { TokenPath = _folder["tokens.txt"] }, HeldOut = 0, OutputPath = _folder[name], Force = true };

    private CalibrationResult Collect(ModelSource source, RankPlan plan, string name) => new ExportCalibration(Options(name) with { Plan = plan }).Run(source);

    private FactorizationResult Factorize(ModelSource source, RankPlan plan, string calibration, CalibrationMode mode) =>
        new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["small"], Force = true, Calibration = new CalibrationOptions { Path = calibration, Mode = mode } }).Run(source);

    private double[,] Inputs(ModelSource source)
    {
        using RunnableModel model = RunnableModel.Open(source);
        List<double[]> tokens = [];
        foreach (string line in File.ReadLines(_folder["tokens.txt"]))
        {
            using Pass pass = Pass.Inference(model.Engine);
            List<double[]> fed = [];
            pass.LinearInput = (_, x) =>
            {
                double[] values = model.Engine.ToArray(x);
                if (x.Shape[1] == s_config.Hidden)
                    fed = [.. values.Chunk(s_config.Hidden)];
            };
            model.Network.Forward(pass, new TokenBatch([.. line.Split(' ').Select(int.Parse)])).Dispose();
            tokens.AddRange(fed);
        }
        double[,] inputs = new double[s_config.Hidden, tokens.Count];
        for (int i = 0; i < s_config.Hidden; i++)
        {
            for (int j = 0; j < tokens.Count; j++)
                inputs[i, j] = tokens[j][i];
        }
        return inputs;
    }

    private static Matrix<float> Of((long[] Shape, float[] Values) tensor) => Matrix<float>.From((int)tensor.Shape[0], (int)tensor.Shape[1], tensor.Values);
}

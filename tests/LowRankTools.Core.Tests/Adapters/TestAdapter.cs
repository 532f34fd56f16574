using LowRankTools.Core.Adapters;
using LowRankTools.Core.Models;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Makes adapters on disk in every layout, and says what they add.</summary>
internal static class TestAdapter
{
    public const string Weights = "adapter_model.safetensors";

    /// <summary>Factors of one module: A (r, in), B (out, r).</summary>
    public static (float[] A, float[] B) Factors(int seed, int outputs, int rank, int inputs) =>
        (TestModel.Random("a", seed, rank, inputs).Values, TestModel.Random("b", seed + 500, outputs, rank).Values);

    /// <summary>Writes an adapter of PEFT into a folder.</summary>
    public static ModelSource Peft(string folder, string config, params (string Name, long[] Shape, float[] Values)[] tensors)
    {
        TestModel.Write(Path.Combine(folder, Weights), tensors);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), config);
        return Source(folder);
    }

    /// <summary>The adapter at a path, as the locator finds it.</summary>
    public static ModelSource Source(string path) => new ModelLocator().Find(path)[0];

    /// <summary>One linear module's tensors as PEFT names them.</summary>
    public static (string Name, long[] Shape, float[] Values)[] PeftModule(string module, int seed, int outputs, int rank, int inputs)
    {
        (float[] a, float[] b) = Factors(seed, outputs, rank, inputs);
        return [($"base_model.model.{module}.lora_A.weight", [rank, inputs], a), ($"base_model.model.{module}.lora_B.weight", [outputs, rank], b)];
    }

    /// <summary>One linear module's tensors as kohya names them.</summary>
    public static (string Name, long[] Shape, float[] Values)[] KohyaModule(string module, int seed, int outputs, int rank, int inputs, float? alpha)
    {
        (float[] a, float[] b) = Factors(seed, outputs, rank, inputs);
        (string, long[], float[])[] pair = [($"{module}.lora_down.weight", [rank, inputs], a), ($"{module}.lora_up.weight", [outputs, rank], b)];
        return alpha is { } value ? [.. pair, ($"{module}.alpha", [], [value])] : pair;
    }

    /// <summary>Scaling * B A of a module, out x in, row-major.</summary>
    public static double[] Delta(AdapterModule module)
    {
        using Matrix<float> a = module.ReadA(), b = module.ReadB();
        return [.. TestModel.Multiply(b.ToArray(), a.ToArray(), b.Rows, b.Columns, a.Columns).Select(v => v * module.Scaling)];
    }

    /// <summary>The same of every module of an adapter, by name.</summary>
    public static Dictionary<string, double[]> Deltas(string path)
    {
        using Adapter adapter = Adapter.Open(Source(path));
        return adapter.Modules.ToDictionary(m => m.Name, Delta, StringComparer.Ordinal);
    }

    /// <summary>||x||.</summary>
    public static double Norm(IEnumerable<double> x) => Math.Sqrt(x.Sum(v => v * v));

    /// <summary>||x - y||.</summary>
    public static double Distance(IEnumerable<double> x, IEnumerable<double> y) => Norm(x.Zip(y, (a, b) => a - b));
}

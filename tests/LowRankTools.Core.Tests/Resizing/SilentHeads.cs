using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Tests.Resizing;

/// <summary>A small model of the Llama family whose heads have less in them than their size.</summary>
/// <param name="folder">Where it goes: <c>model</c>.</param>
internal sealed class SilentHeads(TestFolder folder)
{
    public const int Width = 32, Size = 8, HalfSize = Size / 2, Heads = 4, KeyHeads = 2;

    /// <summary>Pairs of features that queries and keys do without.</summary>
    private static readonly int[] s_silent = [0, 2];

    /// <summary>Options with a calibration of the model, collected on tokens drawn by chance; the result goes beside it.</summary>
    public ResizeOptions Options(ModelSource source)
    {
        string tokens = folder["tokens.txt"], file = folder["model.calibration.safetensors"];
        if (!File.Exists(file))
        {
            Random random = new(3);
            File.WriteAllLines(tokens, Enumerable.Range(0, 60).Select(_ => string.Join(' ', Enumerable.Range(0, 12).Select(_ => random.Next(60)))));
            new ExportCalibration(new ExportCalibrationOptions { Input = new InputText { TokenPath = tokens }, OutputPath = file }).Run(source);
        }
        return new ResizeOptions { Calibration = new CalibrationOptions { Path = file } };
    }

    /// <summary>A model whose queries and keys leave two of four pairs empty, and whose heads of values have four directions in eight features; biases of values have all.</summary>
    public ModelSource Model(bool bias, double slower = 1)
    {
        LlamaConfig config = new()
        {
            Vocabulary = 60, Positions = 16, Width = Width, Depth = 2, Heads = Heads, KeyValueHeads = KeyHeads, HeadWidth = Size, Hidden = 64, AttentionBias = bias,
            Rotary = slower > 1 ? new RotaryConfig { Base = 50, Factor = slower, OriginalPositions = 16 } : new RotaryConfig(),
        };
        ModelSource source = new ModelFolder(config) { Seed = 5 }.Write(folder["model"]);
        Dictionary<string, (long[] Shape, float[] Values)> tensors = TestModel.Read(source.Path);
        DeterministicRandom random = new(7);
        foreach ((string name, (long[] shape, float[] values)) in tensors)
        {
            int columns = shape.Length == 2 ? (int)shape[1] : 1;
            if (name.EndsWith(".bias", StringComparison.Ordinal))
                random.FillGaussian<float>(values);
            if (name.Contains("q_proj", StringComparison.Ordinal) || name.Contains("k_proj", StringComparison.Ordinal))
            {
                for (int row = 0; row < values.Length / columns; row++)
                {
                    if (s_silent.Contains(row % HalfSize))
                        Array.Clear(values, row * columns, columns);
                }
            }
            else if (name.EndsWith("v_proj.weight", StringComparison.Ordinal))
            {
                for (int row = 0; row < KeyHeads * Size; row++)
                {
                    // The second half of a head's features is the sum of two of the first.
                    for (int j = 0; j < columns && row % Size >= HalfSize; j++)
                        values[row * columns + j] = values[(row - HalfSize) * columns + j] + values[(row - HalfSize - row % HalfSize + (row + 1) % HalfSize) * columns + j];
                }
            }
        }
        TestModel.Write(source.Path, new Dictionary<string, string> { ["format"] = "pt" }, [.. tensors.Select(t => (t.Key, t.Value.Shape, t.Value.Values))]);
        return source;
    }

    /// <summary>What a model answers on two sequences of four tokens.</summary>
    public static double[] Answers(RunnableModel model)
    {
        using NetworkOutput output = model.Forward(new TokenBatch([3, 17, 58, 0, 22, 9, 41, 30], 2));
        return model.Engine.ToArray(output.Hidden);
    }
}

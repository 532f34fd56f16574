using System.Runtime.InteropServices;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>Writes calibration files.</summary>
internal static class CalibrationFiles
{
    /// <summary>A matrix of a file, rows x columns; a vector where columns is zero.</summary>
    public static (string Name, TensorDType Type, double[,] Values, bool Vector) Tensor(string name, double[,] values, TensorDType type = TensorDType.F64, bool vector = false) => (name, type, values, vector);

    /// <summary>The Gram matrix of inputs (features x tokens).</summary>
    public static (string Name, TensorDType Type, double[,] Values, bool Vector) Gram(string layer, double[,] x, TensorDType type = TensorDType.F64, string part = "gram") =>
        Tensor($"{layer}.{part}", Dense.Multiply(x, Dense.Transpose(x)), type);

    /// <summary>The inputs (features x tokens), stored as tokens x features.</summary>
    public static (string Name, TensorDType Type, double[,] Values, bool Vector) Inputs(string layer, double[,] x, string part = "inputs") =>
        Tensor($"{layer}.{part}", Dense.Transpose(x), TensorDType.F32);

    public static string Write(string path, params (string Name, TensorDType Type, double[,] Values, bool Vector)[] tensors)
    {
        TensorSpec Spec((string Name, TensorDType Type, double[,] Values, bool Vector) t) =>
            new(t.Name, t.Type, t.Vector ? [t.Values.Length] : [t.Values.GetLength(0), t.Values.GetLength(1)]);
        using SafetensorsModelWriter writer = new(path, tensors.Select(Spec), new Dictionary<string, string>(), 0);
        foreach (var tensor in tensors)
        {
            writer.Begin(Spec(tensor));
            double[] values = [.. tensor.Values.Cast<double>()];
            if (tensor.Type == TensorDType.F64)
            {
                writer.Write(MemoryMarshal.AsBytes<double>(values));
                continue;
            }
            byte[] bytes = new byte[tensor.Type.ByteLength(values.Length)];
            TensorConversion.FromSingle(tensor.Type, [.. values.Select(v => (float)v)], bytes);
            writer.Write(bytes);
        }
        writer.Complete();
        return path;
    }
}

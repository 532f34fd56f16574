using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Numerics.Tests;

/// <summary>What network primitives are by definition, in float64: readable and slow.</summary>
internal static class NetworkDefinitions
{
    public static (double Value, double Slope) Of(Activation activation, double x)
    {
        double logistic = 1 / (1 + Math.Exp(-x)), density = Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
        double u = Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)), du = Math.Sqrt(2 / Math.PI) * (1 + (3 * 0.044715 * x * x)), s = 1 / (1 + Math.Exp(-2 * u));
        return activation switch
        {
            Activation.Relu => (Math.Max(x, 0), x > 0 ? 1 : 0),
            Activation.Tanh => (Math.Tanh(x), 1 - (Math.Tanh(x) * Math.Tanh(x))),
            Activation.Silu => (x * logistic, logistic * (1 + (x * (1 - logistic)))),
            Activation.Gelu => (x * Cumulative(x), Cumulative(x) + (x * density)),
            Activation.GeluTanh => (x * s, s + (x * 2 * du * s * (1 - s))),
            _ => (x, 1),
        };
    }

    // The size that an error is measured by: the value itself, but e^-x, of a rounded x, blurs the tails.
    public static double Blur(Activation activation, double x) =>
        activation is Activation.Silu or Activation.Gelu or Activation.GeluTanh ? 1e-3 + (Math.Abs(x) * Math.Abs(Of(activation, x).Value)) : 0;

    public static double[] Attention(AttentionShape shape, double[] q, double[] k, double[] v, bool[] mask, int queries, int keys, int width, int valueWidth)
    {
        double[] y = new double[shape.Batch * queries * shape.Heads * valueWidth];
        for (int b = 0; b < shape.Batch; b++)
        {
            for (int h = 0; h < shape.Heads; h++)
            {
                int kh = h / (shape.Heads / shape.KeyHeads);
                for (int i = 0; i < queries; i++)
                {
                    double[] weights = new double[keys];
                    for (int j = 0; j < keys; j++)
                    {
                        bool seen = (!shape.Causal || j <= i + keys - queries) && (mask.Length == 0 || mask[(b * keys) + j]);
                        double score = 0;
                        for (int d = 0; d < width; d++) score += q[(((b * queries) + i) * shape.Heads * width) + (h * width) + d] * k[(((b * keys) + j) * shape.KeyHeads * width) + (kh * width) + d];
                        weights[j] = seen ? Math.Exp(score * shape.Scale) : 0;
                    }

                    double total = weights.Sum();
                    for (int d = 0; d < valueWidth && total > 0; d++)
                    {
                        double sum = 0;
                        for (int j = 0; j < keys; j++) sum += weights[j] * v[(((b * keys) + j) * shape.KeyHeads * valueWidth) + (kh * valueWidth) + d];
                        y[(((b * queries) + i) * shape.Heads * valueWidth) + (h * valueWidth) + d] = sum / total;
                    }
                }
            }
        }

        return y;
    }

    // P(X at most x): a series of positive terms near 0, Lentz's continued fraction in the tail.
    private static double Cumulative(double x)
    {
        double z = Math.Abs(x) / Math.Sqrt(2);
        if (z < 1)
        {
            double term = z, sum = z;
            for (int n = 1; n < 100; n++) sum += term *= 2 * z * z / ((2 * n) + 1);
            double erf = 2 / Math.Sqrt(Math.PI) * Math.Exp(-z * z) * sum;
            return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
        }

        double fraction = 0;
        for (int n = 200; n >= 1; n--) fraction = n / 2.0 / (z + fraction);
        double tail = Math.Exp(-z * z) / Math.Sqrt(Math.PI) / (z + fraction) / 2;
        return x < 0 ? tail : 1 - tail;
    }
}

using LowRankTools.Core.Models;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Core.Architectures;

/// <summary>Activations as a <c>config.json</c> names them.</summary>
internal static class ActivationNames
{
    public static Activation Read(ConfigFile file, string field, string otherwise)
    {
        string name = file.Text(field, otherwise);
        return name switch
        {
            "gelu" => Activation.Gelu,
            "gelu_new" or "gelu_pytorch_tanh" or "gelu_fast" => Activation.GeluTanh,
            "relu" => Activation.Relu,
            "silu" or "swish" => Activation.Silu,
            "tanh" => Activation.Tanh,
            _ => throw file.Unsupported($"the activation '{name}' ({field})"),
        };
    }

    public static string Write(Activation activation) => activation switch
    {
        Activation.Gelu => "gelu",
        Activation.GeluTanh => "gelu_new",
        Activation.Relu => "relu",
        Activation.Silu => "silu",
        Activation.Tanh => "tanh",
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "A feed-forward part has an activation."),
    };
}

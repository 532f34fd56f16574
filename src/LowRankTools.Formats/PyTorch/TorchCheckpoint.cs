using System.Collections.Frozen;
using System.Globalization;
using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>
/// Tells the model from the training state in a checkpoint's outermost dict.
/// </summary>
/// <param name="Kept">What is listed, by key.</param>
/// <param name="Model">The one value among them whose own keys need no prefix; null where there is none or more than one.</param>
internal sealed record TorchCheckpoint(IReadOnlyList<(string Key, object Value)> Kept, object? Model)
{
    /// <summary>Keys under which training code files a model.</summary>
    private static readonly FrozenSet<string> s_modelKeys = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "net_state_dict", "weights", "params",
        "params_ema", "ema", "ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "teacher", "student");

    /// <summary>Parts of keys under which training code files what is only needed to go on training.</summary>
    private static readonly string[] s_trainingParts = ["optimizer", "optim_", "_optim", "scheduler", "rng_state", "random_state", "callback"];

    private static readonly FrozenSet<string> s_trainingKeys = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "optim", "optims", "opt", "opt_state", "rng", "loops", "amp", "hyper_parameters", "hparams", "args", "config", "cfg", "loss", "losses", "metrics", "history", "epoch", "step", "iteration", "global_step");

    /// <summary>Sorts the entries of a dict that holds tensors somewhere.</summary>
    public static TorchCheckpoint Of(PickleDict dict, TorchGraph graph)
    {
        List<(string Key, object Value)> all = [.. dict.Entries.Where(e => graph.HoldsTensors(e.Value)).Select(e => (Text(e.Key), e.Value))];
        object[] models = [.. all.Where(e => s_modelKeys.Contains(e.Key) && e.Value is not TorchTensor).Select(e => e.Value)];
        List<(string Key, object Value)> kept = [.. all.Where(e => !IsTraining(e.Key, e.Value, models.Length > 0))];
        if (kept.Count == 0)
            kept = all;
        return new TorchCheckpoint(kept, models.Length == 1 ? models[0] : null);
    }

    private static bool IsTraining(string key, object value, bool besideModel)
    {
        // A plain state dict may well have a parameter called 'step'; only beside a model is it a counter or a loss.
        if (value is TorchTensor tensor)
            return besideModel && (tensor.Sizes.Length == 0 || IsTrainingKey(key));
        return IsTrainingKey(key)
            || value is PickleDict dict && dict.Get("state") is not null && dict.Get("param_groups") is not null
            || value is PickleObject { Type.Module: string module } && module.StartsWith("torch.optim", StringComparison.Ordinal);
    }

    private static bool IsTrainingKey(string key) =>
        !s_modelKeys.Contains(key)
        && (s_trainingKeys.Contains(key) || Array.Exists(s_trainingParts, part => key.Contains(part, StringComparison.OrdinalIgnoreCase)));

    private static string Text(object key) => key as string ?? (key as IFormattable)?.ToString(null, CultureInfo.InvariantCulture) ?? "";
}

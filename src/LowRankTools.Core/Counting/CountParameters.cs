using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Counting;

/// <summary>Counts the parameters of a model.</summary>
public static class CountParameters
{
    private const int AdamBytes = 16;
    private const int Float32Bytes = 4;
    private const int Float16Bytes = 2;

    /// <summary>Opens a model, counts and closes it.</summary>
    /// <param name="source">The model.</param>
    /// <param name="detailed">Whether to list the layers too.</param>
    /// <param name="remote">How servers are asked, for models that lie on one; null for the defaults.</param>
    /// <exception cref="ModelFormatException">The file is damaged or of no known format; the server fails, see the ids that begin with Remote.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while a server was asked.</exception>
    public static ParameterCount Run(ModelSource source, bool detailed = false, RemoteOptions? remote = null)
    {
        using Model model = Model.OpenHeaders(source, remote);
        return Run(model, detailed);
    }

    /// <summary>Counts an opened model.</summary>
    public static ParameterCount Run(Model model, bool detailed = false)
    {
        long parameters = 0, trainable = 0, tied = 0, runBytes = 0, halfBytes = 0;
        int layers = 0;
        ParameterTotals byDType = [], byKind = [];
        foreach ((TensorInfo tensor, LayerShape shape) in model.Layers)
        {
            if (shape.TiedTo is not null)
            {
                tied += shape.Parameters;
                continue;
            }
            parameters += shape.Parameters;
            if (shape.Trainable)
                trainable += shape.Parameters;
            runBytes += shape.Bytes;
            halfBytes += tensor.DType.IsFloat() ? shape.Parameters * Float16Bytes : shape.Bytes;
            if (shape.Kind <= LayerKind.Recurrent)
                layers++;
            byDType.Increase(shape.DType, shape.Parameters);
            byKind.Increase(shape.Kind.ToString(), shape.Parameters);
        }
        return new ParameterCount
        {
            Path = model.Source.Path,
            Name = model.Source.Name,
            Format = model.File.Format.ToString(),
            Parameters = parameters,
            TrainableParameters = trainable,
            TiedParameters = tied,
            Tensors = model.Layers.Count,
            Layers = layers,
            Bytes = model.File.FileBytes,
            RunBytes = runBytes,
            RunBytesFloat16 = halfBytes,
            TrainBytesAdam = trainable * AdamBytes + (parameters - trainable) * Float32Bytes,
            Adapter = AdapterParts.Of(model.File) is { } adapter ? new AdapterSummary(adapter.Layout, adapter.Ranks.Count, adapter.Ranks.Min(), adapter.Ranks.Max()) : null,
            ByDType = byDType,
            ByKind = byKind,
            TransferredBytes = model.File.Transfer?.Bytes,
            Note = Note(model),
            LayerShapes = detailed ? model.Layers.Select(l => l.Shape).ToArray() : null,
        };
    }

    private static string? Note(Model model) =>
        model.Source.Note.Length > 0 ? model.Source.Note
        : model.File.Transfer is { WithoutRanges: > 0 } transfer ? $"The server knows no ranges: {transfer.Bytes} bytes were read from the beginning, and the connection was closed."
        : null;
}

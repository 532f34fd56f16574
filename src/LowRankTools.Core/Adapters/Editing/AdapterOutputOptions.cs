using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Where and how an adapter is written: what all operations that write one can be told.</summary>
public sealed record AdapterOutputOptions
{
    /// <summary>A .safetensors file in kohya's layout or LoTR's, a .gguf file in llama.cpp's, an .onnx_adapter file in ONNX Runtime's, or a folder in PEFT's; null for one beside the source.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Layout to write, Peft, Kohya, Gguf, OnnxRuntime or Lotr; null for what the path asks for, or else the source's own.</summary>
    public AdapterLayout? Layout { get; init; }

    /// <summary>Element type of the factors; null for the source's own.</summary>
    public TensorDType? DType { get; init; }

    /// <summary>Whether an existing adapter is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether nothing is written.</summary>
    public bool WhatIf { get; init; }

    /// <summary>Where bytes go.</summary>
    internal OutputDisk Disk { get; init; } = OutputDisk.Local;

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (Layout == AdapterLayout.LoraLib)
            throw Invalid("Adapters of loralib are read and not written.", "Write Peft, Kohya, Gguf or Lotr with -Layout.");
        if (DType is { } type && !TensorConversion.IsWritable(type))
            throw Invalid($"Factors cannot be written as {type}.", "Choose F32, F16, BF16 or F64.");
        if (OutputPath is { } path && OutputLocation.FormatOf(path) is { } format)
        {
            if (format is not (ModelFormat.Safetensors or ModelFormat.Gguf or ModelFormat.OnnxAdapter))
                throw Invalid($"{path}: adapters are written as safetensors, GGUF or ONNX Runtime's files.", "Name a folder, a .safetensors, a .gguf or an .onnx_adapter file as -OutputPath.");
            if (Layout is { } wanted and not AdapterLayout.Peft && FormatOf(wanted) != format)
                throw Invalid($"{path}: the name asks for another layout than {Layout}.", "Make them agree, or leave -Layout out.");
            if (Layout == AdapterLayout.Peft)
                throw Invalid($"{path}: an adapter of PEFT is a folder of two files.", "Name a folder as -OutputPath, or write Kohya with -Layout.");
        }
    }

    /// <summary>The layout for an adapter that is made from one of another layout, and keeps its modules' names.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: the layout has other names.</exception>
    internal AdapterLayout LayoutFor(AdapterLayout source)
    {
        AdapterLayout layout = AnyLayoutFor(source);
        if (layout == AdapterLayout.Lotr)
            throw Invalid("What this makes are pairs, and LoTR shares factors between layers.", "Write Peft or Kohya, and convert to Lotr after it.");
        return layout == AdapterLayout.Gguf == (source == AdapterLayout.Gguf) ? layout
            : throw Invalid($"Modules of {source} have other names, and rows in another order, than those of {layout}.", "Change the layout with Convert-LoraAdapter and the -BasePath of a GGUF model.");
    }

    /// <summary>The layout for an adapter whose modules may get other names.</summary>
    internal AdapterLayout AnyLayoutFor(AdapterLayout source) =>
        Layout ?? (OutputPath is not null && OutputLocation.FormatOf(OutputPath) is { } format ? (format == ModelFormat.Gguf ? AdapterLayout.Gguf : format == ModelFormat.OnnxAdapter ? AdapterLayout.OnnxRuntime : AdapterLayout.Kohya)
        : source == AdapterLayout.Gguf || OutputPath is null && source == AdapterLayout.Kohya ? source : AdapterLayout.Peft);

    /// <summary>Format of the file in a layout.</summary>
    internal static ModelFormat FormatOf(AdapterLayout layout) => layout switch { AdapterLayout.Gguf => ModelFormat.Gguf, AdapterLayout.OnnxRuntime => ModelFormat.OnnxAdapter, _ => ModelFormat.Safetensors };

    /// <summary>Element type of the factors.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: llama.cpp does not compute in it.</exception>
    internal TensorDType TypeFor(AdapterLayout layout, TensorDType source) => layout != AdapterLayout.Gguf ? DType ?? source
        : DType == TensorDType.F64 ? throw Invalid("llama.cpp does not compute in F64.", "Choose F32, F16 or BF16.")
        : DType ?? (source == TensorDType.F64 ? TensorDType.F32 : source);

    /// <summary>Where an adapter goes.</summary>
    /// <param name="source">What it is made from.</param>
    /// <param name="layout">What will be written.</param>
    /// <param name="suffix">Added to the name where no path was given.</param>
    /// <exception cref="LowRankToolsException"><c>OutputNotWritable</c>, <c>OutputFormatNotWritten</c>.</exception>
    internal OutputLocation Location(ModelSource source, AdapterLayout layout, string suffix)
    {
        ModelFormat format = FormatOf(layout);
        if (OutputPath is { } path && OutputLocation.IsFile(path))
            return OutputLocation.Resolve(path, source, format, suffix);
        string name = source.Name, folder;
        if (OutputPath is not null)
        {
            // The common rule says what a folder may be; an adapter's files have names of their own in it.
            OutputLocation.Resolve(OutputPath, source, format, suffix);
            folder = Path.GetFullPath(OutputPath);
        }
        else
        {
            // What is made of an adapter that is a folder goes beside that folder.
            string from = Path.GetDirectoryName(source.Path)!;
            bool own = Path.GetFileNameWithoutExtension(source.Path) == "adapter_model" && Path.GetDirectoryName(from) is not null;
            name += suffix;
            folder = own ? Path.GetDirectoryName(from)! : from;
            // A file beside a model's own would make two models of its folder.
            if (layout is AdapterLayout.Peft or AdapterLayout.Lotr)
                folder = Path.Combine(folder, name);
        }
        string stem = layout == AdapterLayout.Peft ? "adapter_model" : name;
        // PEFT's configuration is to the weights what a record is: neither adapter may stand beside the other's.
        string record = layout == AdapterLayout.Peft ? PeftConfig.FileName : $"{stem}.{FactorizationRecord.FileName}";
        return new OutputLocation(folder, Path.Combine(folder, stem + (format switch { ModelFormat.Gguf => ".gguf", ModelFormat.OnnxAdapter => ModelFileNames.OnnxAdapterExtension, _ => ".safetensors" })), Path.Combine(folder, record), OwnFolder: false);
    }

    private static LowRankToolsException Invalid(string message, string remedy) => new(CoreErrors.OptionInvalid, message, remedy);
}

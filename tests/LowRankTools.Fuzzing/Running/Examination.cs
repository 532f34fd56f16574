using System.Reflection;
using LowRankTools.Core;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Fuzzing.Inputs;
using LowRankTools.Fuzzing.Readers;
using LowRankTools.Numerics;

namespace LowRankTools.Fuzzing.Running;

/// <summary>
/// The property. An input is accepted, and then every value reads, other readers see the same tensors, and it can be
/// factorized and merged; or it is refused by an error with a listed id that names the file. Nothing else is thrown,
/// and memory stays in proportion.
/// </summary>
internal static class Examination
{
    private const long AllowedAllocation = 64L << 20;

    // A share of what is accepted is written too: a run that writes costs as much as several that read.
    private const int WrittenShare = 8;

    private static readonly HashSet<string> s_ids = new[] { typeof(FormatErrors), typeof(CoreErrors) }
        .SelectMany(t => t.GetFields(BindingFlags.Public | BindingFlags.Static)).Select(f => (string)f.GetValue(null)!).ToHashSet(StringComparer.Ordinal);

    /// <summary>Examines an input in an empty folder.</summary>
    /// <param name="input">The input.</param>
    /// <param name="folder">Where its files go.</param>
    /// <param name="everything">Whether it is factorized and merged whatever its seed.</param>
    /// <exception cref="FuzzFailureException">The property does not hold.</exception>
    public static Verdict Examine(FuzzInput input, string folder, bool everything = false)
    {
        ModelSource source = new(input.Write(folder), "model");
        IReadOnlyList<ListedTensor> tensors = [];
        string? refused = Attempt("reading", folder, () => tensors = Read(source));
        if (refused is not null)
            return new Verdict(refused);
        Compare(input, IsQuantized(input) ? Stored(source) : tensors);
        bool record = input.Model.Contains("record", StringComparison.Ordinal) || input.Model.Contains("factorized", StringComparison.Ordinal);
        if (!everything && !IsWritten(input.Seed))
            return new Verdict(null);
        string? factorized = null, merged = null;
        if (record)
            merged = Attempt("merging", folder, () => Merge(input, source, Path.Combine(folder, "merged"))) ?? Verdict.Done;
        else
            factorized = Attempt("factorizing", folder, () => merged = FactorizeAndMerge(input, source, folder, tensors)) ?? Verdict.Done;
        return new Verdict(null, factorized, merged);
    }

    /// <summary>Opens a model and reads from every tensor.</summary>
    public static IReadOnlyList<ListedTensor> Read(ModelSource source)
    {
        using Model model = Model.Open(source);
        List<ListedTensor> listed = [];
        foreach (TensorInfo tensor in model.File.Tensors)
        {
            ReadValues(model.File, tensor);
            listed.Add(new ListedTensor(tensor.Name, [.. tensor.Shape]));
        }
        _ = model.File.FileBytes;
        return listed;
    }

    /// <summary>A header that was accepted must be true: every byte it promises is there.</summary>
    private static void ReadValues(TensorFile file, TensorInfo tensor)
    {
        try
        {
            if (tensor.ByteLength > 0)
            {
                file.ReadBytes(tensor, 0, new byte[Math.Min(tensor.ByteLength, 4096)]);
                file.ReadBytes(tensor, tensor.ByteLength - 1, new byte[1]);
            }
            if (TensorConversion.IsReadable(tensor.DType) && tensor.ElementCount > 0)
                file.ReadSingles(tensor, 0, new float[Math.Min(tensor.ElementCount, 1024)]);
        }
        catch (ModelFormatException e) when (e.ErrorId == FormatErrors.ValuesUnsupported)
        {
            // Sparse and quantised tensors of PyTorch are listed all the same.
        }
    }

    private static string FactorizeAndMerge(FuzzInput input, ModelSource source, string folder, IReadOnlyList<ListedTensor> tensors)
    {
        WritingOptions options = new(input.Seed);
        FactorizationResult result = new FactorizeModel(options.Factorize(source, Path.Combine(folder, "factorized"))).Run(source);
        if (result.Layers.Count == 0)
            return "";
        ModelSource factors = new(result.Path, "model");
        Read(factors);
        IReadOnlyList<ListedTensor> merged = Merge(input, factors, Path.Combine(folder, "merged"));
        // What went in comes out: the same names and shapes, whatever was between.
        ListedTensor.Expect(tensors, merged, "a merged model");
        return Verdict.Done;
    }

    // Which model a seed makes is nearly linear in the seed: a share by remainders would pass some models over. So its bits are mixed (MurmurHash3's last steps).
    private static bool IsWritten(int seed)
    {
        uint mixed = (uint)seed;
        mixed = (mixed ^ (mixed >> 16)) * 0x85EBCA6B;
        mixed = (mixed ^ (mixed >> 13)) * 0xC2B2AE35;
        return (mixed ^ (mixed >> 16)) % WrittenShare == 0;
    }

    private static IReadOnlyList<ListedTensor> Merge(FuzzInput input, ModelSource source, string target) =>
        Read(new ModelSource(new MergeModel(new WritingOptions(input.Seed).Merge(source, target)).Run(source).Path, "model"));

    private static bool IsQuantized(FuzzInput input) => input.Model.Contains("int8", StringComparison.Ordinal) || input.Model.Contains("4-bit", StringComparison.Ordinal);

    /// <summary>Levels and scales as the file has them, where they are read as one tensor.</summary>
    private static IReadOnlyList<ListedTensor> Stored(ModelSource source)
    {
        using SafetensorsFile file = new(source.Path);
        return [.. file.Tensors.Select(t => new ListedTensor(t.Name, [.. t.Shape]))];
    }

    private static void Compare(FuzzInput input, IReadOnlyList<ListedTensor> tensors)
    {
        if (tensors.Select(t => t.Name).Distinct(StringComparer.Ordinal).Count() != tensors.Count)
            throw new FuzzFailureException("two tensors have one name");
        if (IndependentReaders.List(input) is { } others)
            ListedTensor.Expect(others, tensors, "the other reader");
    }

    /// <summary>Runs a step; returns the id of the error that ended it, null where none did.</summary>
    private static string? Attempt(string what, string folder, Action step)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        string? id = null;
        try
        {
            step();
        }
        catch (LowRankToolsException e)
        {
            id = e.ErrorId;
            if (!s_ids.Contains(id))
                throw new FuzzFailureException($"{what}: the id '{id}' is not listed", e);
            if (!e.Message.Contains(folder, StringComparison.Ordinal))
                throw new FuzzFailureException($"{what}: the message names no file", e);
        }
        catch (Exception e) when (e is not FuzzFailureException)
        {
            throw new FuzzFailureException($"{what}: {e.GetType().Name}", e);
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > AllowedAllocation)
            throw new FuzzFailureException($"{what}: {allocated >> 20} MB were allocated");
        return id;
    }
}

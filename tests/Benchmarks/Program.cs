using LowRankTools.Benchmarks;

// Each benchmark prints what it measured, on what, and the ratio to its peer in the same run.
// Usage: dotnet run -c Release --project tests/Benchmarks -- [NAME...]; no name runs all.
(string Name, Action Run)[] benchmarks =
[
    ("listing", ListingBenchmark.Run),
    ("checkpoint", CheckpointBenchmark.Run),
    ("streaming", StreamingBenchmark.Run),
    ("onnx", OnnxBenchmark.Run),
    ("graphs", GraphBenchmark.Run),
    ("parts", PartsBenchmark.Run),
    ("adapters", AdapterBenchmark.Run),
    ("import", ImportBenchmark.Run),
    ("model", ModelBenchmark.Run),
    ("gemm", GemmBenchmark.Run),
    ("svd", SvdBenchmark.Run),
    ("engines", EngineBenchmark.Run),
    ("network", NetworkBenchmark.Run),
    ("use", EncoderBenchmark.Run),
    ("plan", PlanBenchmark.Run),
    ("transformer", TransformerBenchmark.Run),
    ("memory", TransformerMemoryBenchmark.Run),
    ("learn", LearningBenchmark.Run),
    ("lora", LoraBenchmark.Run),
    ("tensors", TensorBenchmark.Run),
    ("tensor-peers", TensorPeerBenchmark.Run),
    ("nonnegative-peers", TensorPeerBenchmark.RunNonNegative),
    ("square-peers", TensorPeerBenchmark.RunSquare),
    ("tensor-train", TensorTrainBenchmark.Run),
    ("convolutions", ConvolutionBenchmark.Run),
];

if (args is ["--child", .. string[] child])
    return ChildProcess.Run(child);
foreach (string name in args)
{
    if (!benchmarks.Any(b => b.Name == name))
    {
        Console.Error.WriteLine($"There is no benchmark '{name}': {string.Join(", ", benchmarks.Select(b => b.Name))}.");
        return 2;
    }
}
foreach ((string name, Action run) in benchmarks.Where(b => args.Length == 0 || args.Contains(b.Name)))
{
    Console.WriteLine($"== {name}");
    run();
}
return 0;

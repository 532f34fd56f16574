using LowRankTools.Fuzzing.Running;

// dotnet run -c Release --project tests/LowRankTools.Fuzzing [inputs [first seed]]
int count = args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : FuzzSettings.Count;
int seed = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : FuzzSettings.Seed;
Fuzzer fuzzer = new(seed, count);
Console.WriteLine($"Seeds from {seed} on.");
Console.WriteLine(fuzzer.Run());
foreach (string failure in fuzzer.Failures)
    Console.WriteLine(failure);
return fuzzer.Failures.Count == 0 ? 0 : 1;

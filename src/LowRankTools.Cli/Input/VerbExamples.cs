namespace LowRankTools.Cli.Input;

/// <summary>Command lines that the help of each verb ends with: the shortest useful one first.</summary>
internal static class VerbExamples
{
    private static readonly (string Verb, string[] Lines)[] s_examples =
    [
        ("shapes", ["shapes model.safetensors", "shapes models --recurse --include '*attn*' --json"]),
        ("count", ["count models", "count model.safetensors --detailed"]),
        ("memory", ["memory gpt --context-length 512,1024 --weight-dtype q8_0"]),
        ("spectrum", ["spectrum model.safetensors", "spectrum gpt --include '*mlp*'"]),
        ("calibrate", ["calibrate gpt --token-path tokens.txt --output-path grams.safetensors"]),
        ("plan", ["plan model.safetensors --target-reduction 2 --output half.json", "plan --shape 10x30,10x5,10x5,10x20 --target-reduction 3 --min-rank 2"]),
        ("factorize", ["factorize model.safetensors --rank 8 --what-if", "factorize model.safetensors --keep-ratio 0.5 --output-path small.safetensors",
            "factorize gpt --keep-ratio 0.5 --calibration grams.safetensors --output-path smaller",
            "factorize gpt --keep-ratio 0.5 --share-basis 2 --calibration grams.safetensors --calibration-refit --output-path shared",
            "factorize gpt --rank 8 --part 1/2 --output-path halves", "factorize gpt --rank 8 --part 2/2 --output-path halves"]),
        ("compress", ["compress gpt --keep-ratio 0.6 --token-path tokens.txt --trials 4 --output-path compressed"]),
        ("optimize", ["optimize smaller/gpt --reference-path gpt --token-path tokens.txt --steps 2 --output-path trained"]),
        ("quality", ["quality smaller/gpt --reference-path gpt --token-path tokens.txt"]),
        ("decompose", ["decompose model.safetensors --method tucker --rank 2 --include 'conv*' --output-path core.safetensors", "decompose model.safetensors --method cp --rank 4 --include 'conv*' --output-path cp.safetensors"]),
        ("join", ["join halves/gpt"]),
        ("resize", ["resize gpt --calibration grams.safetensors --keep-ratio 0.5 --output-path resized", "resize llama --calibration heads.safetensors --head-size 48 --output-path narrow"]),
        ("merge", ["merge smaller/gpt --output-path dense"]),
        ("compare", ["compare tuned.safetensors --reference-path model.safetensors --include-rank"]),
        ("report", ["report model.safetensors --output-path model.html", "report tuned.safetensors --reference-path model.safetensors"]),
        ("speed", ["speed gpt --runs 2", "speed --shape 96x64 --rank 8,16", "speed --kernel 16x8x3x3"]),
        ("new", ["new --preset gpt2-tiny --output-path another"]),
        ("engines", ["engines", "engines install --device cpu --what-if"]),
        ("demo", ["demo"]),
        ("lora new", ["lora new gpt --rank 8 --alpha 16 --include '*c_attn*' --output-path fresh", "lora new gpt --rank 8 --dora --output-path decomposed"]),
        ("lora optimize", ["lora optimize gpt --rank 4 --token-path tokens.txt --steps 2 --output-path learned", "lora optimize gpt --adapter-path style --token-path tokens.txt --steps 2 --output-path better"]),
        ("lora merge", ["lora merge style --base-path gpt --output-path merged"]),
        ("lora resize", ["lora resize style --rank 2 --output-path thin"]),
        ("lora join", ["lora join style pose --weight 0.7,0.3 --rank 4 --output-path both"]),
        ("lora export", ["lora export tuned.safetensors --base-path model.safetensors --energy 0.99 --output-path change"]),
        ("lora convert", ["lora convert style --layout kohya --output-path style.safetensors"]),
        ("lora test", ["lora test style --base-path gpt"]),
        ("engines install", ["engines install --device cpu", "engines install --lib-torch libtorch", "engines install --name OnnxRuntime --what-if"]),
        ("engines uninstall", ["engines uninstall --what-if"]),
        ("engines measure", ["engines measure"]),
    ];

    /// <summary>Every example by its verb, without the program's name in front.</summary>
    public static IReadOnlyList<(string Verb, string[] Lines)> All => s_examples;

    /// <summary>The examples of a verb; none for one that only holds others.</summary>
    public static string[] Of(string verb) => Array.Find(s_examples, e => e.Verb == verb).Lines ?? [];
}

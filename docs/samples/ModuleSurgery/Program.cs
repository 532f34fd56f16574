// A classifier in TorchSharp: trained, saved as safetensors, its linear layers replaced by pairs of rank 8, and what the pairs lost
// given back by LoRA, which trains a few parameters and leaves the rest alone. Everything is made up here; nothing is downloaded.
using LowRankTools.TorchSharp.Lora;
using LowRankTools.TorchSharp.Modules;
using LowRankTools.TorchSharp.Weights;
using TorchSharp;
using static TorchSharp.torch;

random.manual_seed(0);
string folder = Directory.CreateTempSubdirectory("module-surgery-").FullName;
(Tensor inputs, Tensor labels) = MadeUp(2000);

var model = nn.Sequential(("fc1", nn.Linear(64, 256)), ("relu1", nn.ReLU()), ("fc2", nn.Linear(256, 256)), ("relu2", nn.ReLU()), ("head", nn.Linear(256, 10)));
Train(model, 200);
string weights = Path.Combine(folder, "model.safetensors");
model.SaveSafetensors(weights);
Console.WriteLine($"dense: {model.CountParameters():#,0} parameters, accuracy {Accuracy(model):P1}");

foreach (LinearReplacement layer in model.FactorizeLinear(rank: 8))
    Console.WriteLine($"  {layer.Name}: {layer.OutFeatures} x {layer.InFeatures}, {(layer.Rank is { } rank ? $"rank {rank}, error {layer.RelativeError:0.000}" : $"stays dense ({layer.Reason})")}");
Console.WriteLine($"pairs: {model.CountParameters():#,0} parameters, accuracy {Accuracy(model):P1}");
model.SaveSafetensors(Path.Combine(folder, "pairs.safetensors"));

model.AddLora(new LoraOptions(Rank: 4) { Alpha = 8 });
(long trainable, long total) = model.MarkOnlyLoraTrainable();
Train(model, 100);
Console.WriteLine($"LoRA: {trainable:#,0} of {total:#,0} parameters trained, accuracy {Accuracy(model):P1}");
model.SaveLora(Path.Combine(folder, "lora.safetensors"));

// The dense weights come back by name, in whatever module has such names.
var again = nn.Sequential(("fc1", nn.Linear(64, 256)), ("relu1", nn.ReLU()), ("fc2", nn.Linear(256, 256)), ("relu2", nn.ReLU()), ("head", nn.Linear(256, 10)));
Console.WriteLine($"loaded: {again.LoadWeights(weights).Loaded.Count} tensors, accuracy {Accuracy(again):P1}");
Directory.Delete(folder, recursive: true);

// Ten centres in 64 dimensions, points around them.
(Tensor Inputs, Tensor Labels) MadeUp(int count)
{
    Tensor centres = randn(10, 64), classes = randint(0, 10, new long[] { count });
    return (centres[classes] + (1.5 * randn(count, 64)), classes);
}

void Train(nn.Module<Tensor, Tensor> module, int steps)
{
    module.train();
    using var adam = optim.Adam(module.parameters().Where(p => p.requires_grad), lr: 2e-3);
    for (int step = 0; step < steps; step++)
    {
        using DisposeScope scope = NewDisposeScope();
        adam.zero_grad();
        nn.functional.cross_entropy(module.forward(inputs), labels).backward();
        adam.step();
    }
}

double Accuracy(nn.Module<Tensor, Tensor> module)
{
    using DisposeScope scope = NewDisposeScope();
    using IDisposable frozen = no_grad();
    module.eval();
    return module.forward(inputs).argmax(1).eq(labels).to(float64).mean().item<double>();
}

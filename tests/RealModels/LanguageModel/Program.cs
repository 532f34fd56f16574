// texts PACKAGES TEXTS: makes texts of unpacked packages, sentences PACKAGES TEXTS: sentences, one a line. train TEXTS MODEL [UNTIL]: trains a language model on them, as far as a step.
using System.Globalization;
using LowRankTools.LanguageModel;

switch (args)
{
    case ["texts", string packages, string texts]:
        foreach ((string name, int lines) in DebianTexts.Write(packages, texts))
            Console.WriteLine($"{name}: {lines} lines");
        return 0;
    case ["sentences", string packages, string texts]:
        foreach ((string name, int lines) in SentenceTexts.Write(packages, texts))
            Console.WriteLine($"{name}: {lines} lines");
        return 0;
    case ["train", string texts, string model, .. string[] until]:
        LanguagePlan plan = until.Length == 0 ? LanguagePlan.Default : LanguagePlan.Default with { Until = int.Parse(until[0], CultureInfo.InvariantCulture) };
        new LanguageTraining(plan, Console.WriteLine).Run(texts, model);
        return 0;
    default:
        Console.Error.WriteLine("texts PACKAGES TEXTS | sentences PACKAGES TEXTS | train TEXTS MODEL [UNTIL]");
        return 2;
}

using System.Runtime.InteropServices;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Spectra;
using LowRankTools.Formats;
using LowRankTools.Tests;

namespace LowRankTools.Core.Tests.Models;

/// <summary>Folders hold all sorts of things: what is no model is passed over and told, and the search goes on.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed partial class FolderSearchTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly List<string> _warnings = [];

    public void Dispose() => _folder.Dispose();

    private string[] Find(bool recurse = true) =>
        [.. new ModelLocator(_warnings.Add).Find(_folder.Path, recurse).Select(m => Path.GetRelativePath(_folder.Path, m.Path))];

    [UnixOnlyFact]
    public void A_named_pipe_among_models_is_passed_over_with_a_warning()
    {
        _folder.Touch("a.safetensors");
        SpecialFile.Pipe(_folder["b.safetensors"]);
        SpecialFile.Pipe(_folder["model.safetensors.index.json"]);
        SpecialFile.Within(() => Assert.Equal(["a.safetensors"], Find()));
        Assert.Equal(2, _warnings.Count);
        Assert.Contains(_warnings, w => w.Contains(_folder["b.safetensors"], StringComparison.Ordinal));
    }

    [UnixOnlyFact]
    public void A_named_pipe_that_is_named_is_refused()
    {
        SpecialFile.Pipe(_folder["b.safetensors"]);
        SpecialFile.Within(() => Assert.Equal(FormatErrors.NotARegularFile, Assert.Throws<ModelFormatException>(
            () => Model.Open(new ModelLocator().Find(_folder["b.safetensors"])[0]).Dispose()).ErrorId));
    }

    [UnixOnlyFact]
    public void Pipes_beside_a_model_are_named_and_do_not_hang()
    {
        string model = TestModel.Write(_folder["m/model.safetensors"], TestModel.Random("w", 1, 4, 4));
        SpecialFile.Pipe(_folder["m/" + FactorizationRecord.FileName]);
        SpecialFile.Within(() => Assert.Equal(FormatErrors.NotARegularFile, Assert.Throws<ModelFormatException>(
            () => Model.Open(new ModelLocator().Find(model)[0]).Dispose()).ErrorId));
        SpecialFile.Pipe(_folder["p.plan.json"]);
        SpecialFile.Within(() => Assert.Equal(FormatErrors.NotARegularFile, Assert.Throws<ModelFormatException>(() => RankPlanFile.Read(_folder["p.plan.json"])).ErrorId));
        SpecialFile.Pipe(_folder["config.json"]);
        SpecialFile.Within(() => Assert.Equal(FormatErrors.NotARegularFile, Assert.Throws<ModelFormatException>(() => TransformerConfigs.Read(_folder.Path)).ErrorId));
        SpecialFile.Pipe(_folder["calibration"]);
        SpecialFile.Within(() => Assert.Equal(FormatErrors.NotARegularFile, Assert.Throws<ModelFormatException>(() => CalibrationFile.Open(_folder["calibration"])).ErrorId));
        SpecialFile.Pipe(_folder["kept"]);
        SpecialFile.Within(() => Assert.Null(CacheFile.TryRead(_folder["kept"])));
    }

    [UnixOnlyFact]
    public void Links_to_folders_are_not_followed()
    {
        _folder.Touch("real/a.safetensors");
        Directory.CreateSymbolicLink(_folder["real/circle"], "..");
        Directory.CreateSymbolicLink(_folder["linked"], _folder["real"]);
        Assert.Equal([Path.Combine("real", "a.safetensors")], Find());
    }

    [UnixOnlyFact]
    public void A_folder_that_nobody_can_list_does_not_end_the_search()
    {
        _folder.Touch("a/x.safetensors");
        _folder.Touch("z/y.safetensors");
        Directory.CreateDirectory(_folder["deep"]);
        using IDisposable deep = SpecialFile.Unlistable(_folder["deep"]);
        Assert.Equal([Path.Combine("a", "x.safetensors"), Path.Combine("z", "y.safetensors")], Find());
        Assert.NotEmpty(_warnings);
    }

    /// <summary>Rights do not bind the superuser, but they bind a thread of it that reads files as somebody else.</summary>
    [UnixOnlyFact]
    public void A_folder_without_rights_does_not_end_the_search()
    {
        _folder.Touch("a/x.safetensors");
        _folder.Touch("b/secret.safetensors");
        _folder.Touch("z/y.safetensors");
        const UnixFileMode everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        File.SetUnixFileMode(_folder.Path, everybody);
        File.SetUnixFileMode(_folder["b"], UnixFileMode.None);
        try
        {
            string[] found = [];
            Thread search = new(() =>
            {
                if (Environment.IsPrivilegedProcess && OperatingSystem.IsLinux())
                    _ = ReadFilesAs(65534);
                found = Find();
            });
            search.Start();
            search.Join();
            Assert.Equal([Path.Combine("a", "x.safetensors"), Path.Combine("z", "y.safetensors")], found);
            Assert.Contains(_folder["b"], Assert.Single(_warnings), StringComparison.Ordinal);
        }
        finally
        {
            File.SetUnixFileMode(_folder["b"], everybody);
        }
    }

    [UnixOnlyFact]
    public void A_companion_that_is_no_file_or_leads_out_ends_the_run_before_anything_is_written()
    {
        string model = TestModel.Write(_folder["m/model.safetensors"], TestModel.Random("w", 1, 16, 16));
        File.WriteAllText(_folder["secret"], "secret");
        File.CreateSymbolicLink(_folder["m/vocab.txt"], "../secret");
        FactorizeModel run = new(new FactorizeOptions { Rule = new RankRule.Fixed(2), OutputPath = _folder["out"], UseCache = false });
        Assert.Equal(FormatErrors.ReferencedFileOutside, Assert.Throws<ModelFormatException>(() => run.Run(new ModelLocator().Find(model)[0])).ErrorId);
        Assert.False(Directory.Exists(_folder["out"]));
        File.Delete(_folder["m/vocab.txt"]);
        SpecialFile.Pipe(_folder["m/merges.txt"]);
        SpecialFile.Within(() => Assert.Equal(FormatErrors.NotARegularFile, Assert.Throws<ModelFormatException>(() => run.Run(new ModelLocator().Find(model)[0])).ErrorId));
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [UnixOnlyFact]
    public void A_companion_in_a_cache_of_Hugging_Face_goes_along()
    {
        const string repository = "models--org--name";
        TestModel.Write(_folder[$"{repository}/blobs/weights"], TestModel.Random("w", 1, 16, 16));
        File.WriteAllText(_folder[$"{repository}/blobs/words"], "words");
        Directory.CreateDirectory(_folder[$"{repository}/snapshots/main"]);
        File.CreateSymbolicLink(_folder[$"{repository}/snapshots/main/model.safetensors"], "../../blobs/weights");
        File.CreateSymbolicLink(_folder[$"{repository}/snapshots/main/vocab.txt"], "../../blobs/words");
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(2), OutputPath = _folder["out"], UseCache = false })
            .Run(new ModelLocator().Find(_folder[$"{repository}/snapshots/main/model.safetensors"])[0]);
        Assert.Equal("words", File.ReadAllText(Path.Combine(Path.GetDirectoryName(result.Path)!, "vocab.txt")));
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int ReadFilesAs(uint user);
}

using System.Runtime.InteropServices;
using System.Text;
using LowRankTools.Cli;
using LowRankTools.Cli.Commands;
using LowRankTools.Formats.Writing;

using CancellationTokenSource cancellation = new();

// The first Ctrl+C asks for an orderly end; the second one is not held back. Neither leaves a half-written file.
void Cancel(PosixSignalContext signal)
{
    signal.Cancel = !cancellation.IsCancellationRequested;
    if (signal.Cancel)
        cancellation.Cancel();
    else
        TemporaryFile.DeleteUnfinished();
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Cancel);

Terminal terminal = Terminal.Detect();
using TextWriter output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
using TextWriter error = new StreamWriter(Console.OpenStandardError(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
return ConsoleApp.Run(args, new ConsoleContext(output, error, terminal, cancellation.Token));

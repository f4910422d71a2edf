internal import ArgumentParser
internal import Glibc

/// `ferry run`: a program with GPUs from a server.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a program with GPUs of a server.",
        usage: "ferry run [-n N] [-p FRACTION | -m MIB] [--] PROGRAM [ARGUMENTS …]",
        discussion: """
            The GPUs are taken when the program starts and given back when it ends, however it ends.
            The program sees its part of each GPU's memory as the whole GPU.

            Examples:
              ferry run -n 1 -- python train.py         one whole GPU
              ferry run -n 2 -p 0.5 -- ./simulate       half of the memory of two GPUs
              ferry run -m 4096 python infer.py         4096 MiB of one GPU
              ferry run -n 1 "python a.py && ./b"       one string, for the shell
              ferry run -n 1 -- bash                    GPUs for everything in a shell
              ferry run --stats -- ./simulate           and what each CUDA call cost
              ferry run --emulate-link 250us,10gbit -- ./simulate
                                                        as over a network of that kind

            Exit status: the program's own; 128 + n when signal n ended it; 127 when there is no \
            such program and 126 when it cannot be executed; 75 when not enough GPUs are free; 64 \
            for wrong usage; 125 for any other error of ferry itself.

            Environment of the program: FERRY_COMPRESSION=off compresses no large copies, which else \
            are where that pays; FERRY_BULK_CHANNELS, 0 to 4, is the number of connections for them.
            """
    )

    @Option(name: [.short, .customLong("num_gpus")], help: "How many GPUs.")
    var numGPUs = 1

    @Option(
        name: [.short, .customLong("partial")],
        help: "The part of each GPU's memory, above 0 and up to 1. (default: the whole GPU)"
    )
    var partial: Double?

    @Option(name: [.short, .customLong("memory")], help: "MiB of each GPU's memory.")
    var memory: Int64?

    @OptionGroup var connection: ConnectionOptions

    @OptionGroup(title: "The way to the server") var transport: TransportOptions

    @Option(
        help: ArgumentHelp(
            """
            Play a network of this round trip and rate between program and GPU, to measure what the \
            program would do over it; only with a server on this host. For example 250us, or \
            50us,10gbit.
            """,
            valueName: "rtt[,rate]"
        )
    )
    var emulateLink: LinkArgument?

    @OptionGroup(title: "Where the time goes") var statistics: StatisticsOptions

    @Flag(name: .shortAndLong, help: "Tell on standard error what happens.")
    var verbose = false

    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
    var command: [String] = []

    func validate() throws {
        if partial != nil, memory != nil {
            throw ValidationError("Give a part (-p) or MiB (-m), not both.")
        }
    }

    func run() async throws {
        do {
            let status = try await Runner(options: self).run()
            throw ExitCode(status)
        } catch let failure as Failure {
            failure.report()
            throw ExitCode(failure.code.rawValue)
        }
    }
}

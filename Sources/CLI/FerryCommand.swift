package import ArgumentParser
internal import CProcess
internal import Version

/// The command line of Ferry's clients. It meets the server at the REST API only.
package struct FerryCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ferry",
        abstract: "Run CUDA programs with GPUs of other machines.",
        discussion: """
            Examples:
              ferry run -n 1 -- python train.py
              ferry list
            """,
        version: FerryVersion.current,
        subcommands: [Run.self, List.self, Netperf.self, VersionCommand.self, Keep.self]
    )

    package init() {}

    /// Before a run, keeps the signals that it will pass on from every thread of this process, and
    /// notes what it was started with. Must be called on the only thread there is.
    package static func claimSignals(_ arguments: [String]) {
        guard arguments.dropFirst().first == "run" else { return }
        ferry_note_inheritance()
        ferry_block_signals()
    }
}

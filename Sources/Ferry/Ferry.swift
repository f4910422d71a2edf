internal import ArgumentParser
internal import CLI
internal import Glibc

/// Nothing but the command line of `CLI`.
@main
struct Ferry {
    /// Not `async`: the main thread of an asynchronous `main` waits with all signals unblocked, and
    /// would take those that `ferry run` must see.
    static func main() {
        FerryCommand.claimSignals(CommandLine.arguments)
        Task.detached {
            await FerryCommand.main()
            exit(0)
        }
        while true { pause() }
    }
}

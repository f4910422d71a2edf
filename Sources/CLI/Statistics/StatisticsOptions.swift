internal import ArgumentParser

/// Options of `ferry run` for those who want to know where the time goes.
struct StatisticsOptions: ParsableArguments {
    @Flag(
        help: """
            Print at the end, on standard error, what each CUDA call cost: calls, round trips to the \
            server, bytes, time waited.
            """
    )
    var stats = false

    @Option(help: ArgumentHelp("Write the same as JSON.", valueName: "file"))
    var statsFile: String?

    @Option(
        help: ArgumentHelp(
            "Write a trace of all calls and their errors, for ui.perfetto.dev or chrome://tracing.",
            valueName: "file"
        )
    )
    var trace: String?
}

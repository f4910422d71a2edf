internal import ArgumentParser
internal import Wire

/// The options that say how data connections travel.
struct TransportOptions: ParsableArguments {
    // Optional, because the help would show a default by the number that stands for it.
    @Option(
        name: .customLong("transport"),
        help: ArgumentHelp(
            """
            How data connections travel; 'auto' takes the fastest that works: shared memory, then the \
            server's Unix socket, both only on its host, then TCP. (default: auto)
            """,
            valueName: "auto|tls|tcp|unix|shm"
        )
    )
    var wanted: TransportChoice?

    /// How data connections travel.
    var transport: TransportChoice { wanted ?? .auto }

    @Option(
        help: ArgumentHelp(
            """
            The server's Unix socket as it is seen from here, if its folder is mounted elsewhere.
            """,
            valueName: "path"
        )
    )
    var socket: String?
}

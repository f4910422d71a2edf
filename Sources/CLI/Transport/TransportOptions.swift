internal import ArgumentParser
internal import Wire

/// The options that say how data connections travel.
struct TransportOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How data connections travel; 'auto' takes the fastest that works: shared memory, then the \
            server's Unix socket, both only on its host, then TCP.
            """,
            valueName: "auto|tls|tcp|unix|shm"
        )
    )
    var transport = TransportChoice.auto

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

internal import ArgumentParser

/// The options that say which server.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server, instead of the client file's.",
            valueName: "host[:port]"
        )
    )
    var server: String?

    @Option(
        help: ArgumentHelp(
            """
            The client file. (default: $FERRY_CLIENT_FILE, ~/.config/ferry/client.json, \
            /etc/ferry/client.json)
            """,
            valueName: "file"
        )
    )
    var clientFile: String?
}

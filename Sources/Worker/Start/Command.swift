internal import Wire

/// What the command line asks for.
package enum Command: Equatable, Sendable {
    case help
    case version
    case serve(ServeOptions)
    case inventory(driver: String)
    case echo(EchoOptions)

    /// Why a command line was not understood; a sentence.
    package struct UsageError: Error, Equatable, Sendable {
        /// The sentence.
        package var text: String
    }

    /// What `--help` prints.
    package static let helpText = """
        Executes the CUDA calls of one client, or lists the GPUs of this machine.

        USAGE
          ferry-worker serve --socket-fd N --key-fd N [--clear-text] [--link-offer] --driver PATH
                             --device UUID=BYTES [--device …] --lease ID --name TEXT
                             [--image-cache FOLDER] [--image-cache-bytes N] [--shared-folder FOLDER]
          ferry-worker echo --socket-fd N --key-fd N [--clear-text] [--link-offer]
                            --lease ID --name TEXT
          ferry-worker inventory --driver PATH

        ferryd starts `serve` with the client's connection as descriptor N of --socket-fd, after the
        greeting. From that of --key-fd come 32 bytes, the key of this connection, as soon as the
        client was told that it is accepted. --clear-text leaves the connection as it is.
        --link-offer says that the client has announced an offer, to go on in shared memory for
        example. Each --device is a GPU that the client may use, with the bytes of its memory that
        it may take. Images that the client sends are kept for sessions to come in FOLDER, which must
        exist, up to N bytes in all (4 GiB). PATH is the driver library, for example libcuda.so.1; a
        name without a slash is looked for where the system keeps its libraries. `echo` is what
        ferry netperf talks to. `inventory` prints JSON.

        EXIT STATUS
          0  the client closed the connection
          1  something went wrong inside the worker
          2  the command line was not understood
          3  the driver cannot be used
          4  the client broke the protocol

        """

    /// Reads the arguments, without the program's name.
    package static func parse(_ arguments: [String]) throws(UsageError) -> Command {
        guard let verb = arguments.first else {
            throw UsageError(text: "a command is missing: serve, echo or inventory")
        }
        if arguments.contains("--help") || arguments.contains("-h") || verb == "help" {
            return .help
        }
        if verb == "--version" || verb == "version" { return .version }
        var scanner = ArgumentScanner(Array(arguments.dropFirst()))
        switch verb {
        case "serve": return .serve(try ServeOptions(&scanner))
        case "echo": return .echo(try EchoOptions(&scanner))
        case "inventory":
            var driver: String?
            while let name = try scanner.nextOption(["--driver"]) {
                driver = try scanner.value(of: name)
            }
            guard let driver else { throw UsageError(text: "--driver is missing") }
            return .inventory(driver: driver)
        default: throw UsageError(text: "unknown command '\(verb)': serve, echo or inventory")
        }
    }
}

/// Takes options off a command line, `--name value` or `--name=value`.
struct ArgumentScanner {
    private var arguments: [String]
    private var attached: String?

    init(_ arguments: [String]) {
        self.arguments = arguments.reversed()
    }

    mutating func nextOption(_ names: [String]) throws(Command.UsageError) -> String? {
        guard let argument = arguments.popLast() else { return nil }
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard names.contains(name) else {
            throw Command.UsageError(text: "unknown argument '\(argument)'")
        }
        attached = parts.count > 1 ? String(parts[1]) : nil
        return name
    }

    mutating func value(of name: String) throws(Command.UsageError) -> String {
        if let attached { return attached }
        guard let value = arguments.popLast() else {
            throw Command.UsageError(text: "\(name) needs a value")
        }
        return value
    }
}

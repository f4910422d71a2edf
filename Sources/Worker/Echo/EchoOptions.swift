/// Arguments of `ferry-worker echo`.
package struct EchoOptions: Equatable, Sendable {
    /// The client's connection.
    package var socket: Int32
    /// Where the connection's key comes from, once the client was told that it is accepted.
    package var key: Int32?
    /// Whether the connection is encrypted.
    package var isEncrypted = true
    /// Whether the client offers another way for the connection to go on.
    package var hearsOffer = false

    init(_ scanner: inout ArgumentScanner) throws(Command.UsageError) {
        var socket: Int32?
        let names = [
            "--socket-fd", "--key-fd", "--clear-text", "--link-offer", "--lease", "--name",
        ]
        while let option = try scanner.nextOption(names) {
            switch option {
            case "--link-offer": hearsOffer = true
            case "--clear-text": isEncrypted = false
            case "--socket-fd": socket = try Self.descriptor(&scanner, option)
            case "--key-fd": key = try Self.descriptor(&scanner, option)
            default: _ = try scanner.value(of: option)
            }
        }
        guard let socket else { throw Command.UsageError(text: "--socket-fd is missing") }
        guard key != nil || !isEncrypted else {
            throw Command.UsageError(text: "--key-fd is missing")
        }
        self.socket = socket
    }

    private static func descriptor(
        _ scanner: inout ArgumentScanner,
        _ option: String
    ) throws(Command.UsageError) -> Int32 {
        let value = try scanner.value(of: option)
        guard let number = Int32(value), number >= 0 else {
            throw Command.UsageError(text: "'\(value)' is no descriptor")
        }
        return number
    }
}

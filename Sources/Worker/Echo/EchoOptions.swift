/// Arguments of `ferry-worker echo`.
package struct EchoOptions: Equatable, Sendable {
    /// The client's connection.
    package var socket: Int32
    /// Whether the client offers another way for the connection to go on.
    package var hearsOffer = false

    init(_ scanner: inout ArgumentScanner) throws(Command.UsageError) {
        var socket: Int32?
        let names = ["--socket-fd", "--link-offer", "--lease", "--name"]
        while let option = try scanner.nextOption(names) {
            if option == "--link-offer" {
                hearsOffer = true
                continue
            }
            let value = try scanner.value(of: option)
            guard option == "--socket-fd" else { continue }
            guard let number = Int32(value), number >= 0 else {
                throw Command.UsageError(text: "'\(value)' is no descriptor")
            }
            socket = number
        }
        guard let socket else { throw Command.UsageError(text: "--socket-fd is missing") }
        self.socket = socket
    }
}

internal import Glibc
package import Wire

/// Everything that an administrator can choose.
package struct DaemonConfiguration: Sendable {
    /// The address to listen on; loopback unless told otherwise.
    package var host = "127.0.0.1"
    /// The API's port; 0 takes any free one.
    package var port = 56001
    /// The data port; 0 takes any free one.
    package var dataPort = 56002
    /// Folder of the Unix socket for clients on this host; none when nil.
    package var socketDirectory: String?
    /// How data connections are protected.
    package var dataSecurity = Security.tls
    /// More names by which clients reach this server; the first one goes into the client file.
    package var names: [String] = []
    /// Where the server keeps its store, certificates and the client file.
    package var stateDirectory: String
    /// A second place for the client file.
    package var clientFile: String?
    /// The driver library; chosen by the server when nil.
    package var driver: String?
    /// The program `ferry-worker`.
    package var worker: String
    /// The folder `lib/ferry` of this installation.
    package var libraryDirectory: String
    /// How often clients must be heard of, in seconds.
    package var heartbeatSeconds = 10
    /// How long they may be silent, in seconds.
    package var graceSeconds = 60
    /// Bytes of disk for images that clients have sent; 0 keeps none.
    package var imageCacheBytes = 4 << 30
    /// What of the server's environment is also the workers', `NAME=value`.
    package var workerEnvironment: [String] = []

    /// The usual choices.
    package init(stateDirectory: String, worker: String, libraryDirectory: String) {
        self.stateDirectory = stateDirectory
        self.worker = worker
        self.libraryDirectory = libraryDirectory
    }

    /// Where state is kept when nobody says: the system's place for root, else the user's.
    package static func defaultStateDirectory(
        environment: [String: String],
        isRoot: Bool
    ) -> String? {
        if isRoot { return "/var/lib/ferry" }
        // The XDG specification has relative paths ignored.
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            return state + "/ferry"
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return home + "/.local/state/ferry"
    }

    /// Where the Unix socket is made when nobody says: beside the state, which only its owner can
    /// enter, or, for the system's own server, where every user of the machine finds it.
    package static func defaultSocketDirectory(
        state: String,
        isSystemState: Bool
    ) -> String {
        isSystemState ? "/run/ferry" : state + "/run"
    }

    /// The folder of the running program's file.
    package static func programFolder() -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return nil }
        let path = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) }
    }
}

internal import CLinux
internal import Wire

/// Files of the driver that processes of a lease share: what `cuMemExportToShareableHandle` makes. Another worker
/// gets a copy of the descriptor over a socket in the lease's folder. Each stands for memory that counts here,
/// and goes with it.
///
/// `give`, `drop` and `fetch` are called by the reader thread; another one serves the socket.
final class SharedFiles: @unchecked Sendable {
    /// Files at most; each is a descriptor of this process.
    static let most = 1024
    private static let keySize = 32
    /// How long another worker has for an answer, in milliseconds.
    private static let patience: Int32 = 5000

    private let names: SharedNames
    private let lock = Monitor()
    private var files: [[UInt8]: Int32] = [:]
    /// Keys of the files, by the memory that they are of.
    private var keys: [UInt64: SharedNames.Shared] = [:]
    /// Name of the socket; empty before there is one.
    private var socket: [UInt8] = []

    /// - Parameter names: Of the same folder, which the socket is in.
    init(_ names: SharedNames) { self.names = names }

    /// The client's handle for memory that has been exported already.
    func name(of memory: UInt64) -> SharedNames.Handle? {
        keys[memory].flatMap { names.name(.file, of: $0) }
    }

    /// Keeps a file and returns the client's handle for it; `nil` when that cannot be. The file is this object's
    /// in any case.
    ///
    /// - Parameter memory: The first handle that the memory had.
    func give(
        _ file: Int32,
        of memory: UInt64,
        bytes: UInt64,
        device: Int32
    ) -> SharedNames.Handle? {
        let key = SharedNames.drawn(Self.keySize)
        guard keys.count < Self.most, isServing() else {
            close(file)
            return nil
        }
        let shared = SharedNames.Shared(socket + key, bytes: bytes, device: device)
        guard let name = names.name(.file, of: shared) else {
            close(file)
            return nil
        }
        keys[memory] = shared
        lock.withLock { files[key] = file }
        return name
    }

    /// Nothing of the memory is left.
    func drop(_ memory: UInt64) {
        guard let shared = keys.removeValue(forKey: memory) else { return }
        let key = Array(shared.handle[Self.keySize...])
        if let file = lock.withLock({ files.removeValue(forKey: key) }) { close(file) }
    }

    /// A descriptor of this process' own for what was given; `nil` when there is no such file any more.
    func fetch(_ shared: SharedNames.Shared) -> Int32? {
        let socket = Array(shared.handle[..<Self.keySize])
        let key = Array(shared.handle[Self.keySize...])
        guard let connection = UnixSocket.connect(path(socket)) else { return nil }
        defer { close(connection) }
        guard ferry_send_descriptor(connection, key, key.count, -1) == key.count,
            UnixSocket.isReadable(connection, milliseconds: Self.patience)
        else { return nil }
        var byte: UInt8 = 0
        var file: Int32 = -1
        let count = ferry_receive_descriptor(connection, &byte, 1, &file)
        return count == 1 && file >= 0 ? file : nil
    }

    // MARK: - The socket

    /// The system's limit on such paths is short, that on folders is not.
    private func path(_ name: [UInt8]) -> String {
        "/proc/self/fd/\(names.folder)/" + String(decoding: name, as: UTF8.self)
    }

    private func isServing() -> Bool {
        if !socket.isEmpty { return true }
        // As long, in digits, as a key.
        let name = Array(SharedNames.text(SharedNames.drawn(Self.keySize / 2)).utf8)
        guard let listener = UnixSocket.listen(path(name)) else { return false }
        guard Thread.start({ [self] in serve(listener) }) else {
            close(listener)
            return false
        }
        socket = name
        return true
    }

    private func serve(_ listener: Int32) {
        while let connection = UnixSocket.accept(listener) {
            defer { close(connection) }
            var key = [UInt8](repeating: 0, count: Self.keySize)
            // Whoever has connected and says nothing must not keep others waiting for long.
            guard UnixSocket.isReadable(connection, milliseconds: 1000),
                recv(connection, &key, key.count, Int32(MSG_DONTWAIT)) == key.count
            else { continue }
            lock.withLock {
                guard let file = files[key] else { return }
                var byte: UInt8 = 1
                _ = ferry_send_descriptor(connection, &byte, 1, file)
            }
        }
    }
}

/// Unix sockets with a path.
private enum UnixSocket {
    static func connect(_ path: String) -> Int32? { make { ferry_connect_path($0, path) } }

    static func listen(_ path: String) -> Int32? { make { ferry_listen_path($0, path) } }

    /// A socket with which `attach` has come to an end; `nil` when it has not.
    private static func make(_ attach: (Int32) -> Int32) -> Int32? {
        let made = ferry_unix_socket()
        guard made >= 0 else { return nil }
        guard attach(made) == 0 else {
            close(made)
            return nil
        }
        return made
    }

    /// The next connection; `nil` when there is no socket any more.
    static func accept(_ listener: Int32) -> Int32? {
        while true {
            let connection = ferry_accept(listener)
            if connection >= 0 { return connection }
            switch ferry_errno() {
            case EINTR, ECONNABORTED: continue
            // Too many files: others may be closed.
            case EMFILE, ENFILE, ENOMEM, ENOBUFS: Thread.sleep(microseconds: 100_000)
            default: return nil
            }
        }
    }

    static func isReadable(_ socket: Int32, milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, milliseconds) == 1
    }
}

internal import CLinux
internal import Wire

/// Names of what processes of a lease share: 32 random bytes each, which a client gets in place of the driver's
/// handle. A file of that name in the lease's folder holds the handle, so that the workers of the lease find it,
/// and nobody can ask the driver for memory of other tenants by guessing handles.
///
/// Used by the reader thread alone.
package final class SharedNames {
    /// What is shared.
    package enum Kind: UInt8 {
        case memory = 1
        case event = 2
        /// A file: the name of a socket, and what to ask it for, 32 bytes each.
        case file = 3
    }

    /// Bytes of a handle, the driver's or a client's.
    package typealias Handle = [UInt8]

    /// What a name stands for.
    package struct Shared: Equatable {
        /// The driver's handle.
        package var handle: Handle
        /// Of memory: how much it is, and the number of its device, which all workers of a lease have in common.
        package var bytes: UInt64
        package var device: Int32

        /// Of these parts.
        package init(_ handle: Handle, bytes: UInt64 = 0, device: Int32 = 0) {
            self.handle = handle
            self.bytes = bytes
            self.device = device
        }
    }

    private struct Real: Hashable {
        var kind: UInt8
        var handle: Handle
    }

    /// Names that a worker gives at most.
    package static let most = 16_384
    /// A descriptor of the lease's folder, for as long as this object lives.
    let folder: Int32
    private var names: [Real: Handle] = [:]

    /// - Parameter path: The lease's folder, which is there.
    package init?(folder path: String) {
        folder = ferry_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        if folder < 0 { return nil }
    }

    deinit { close(folder) }

    /// The client's handle for one of the driver's, the same each time; `nil` when it cannot be kept.
    package func name(_ kind: Kind, of shared: Shared) -> Handle? {
        let real = Real(kind: kind.rawValue, handle: shared.handle)
        if let known = names[real] { return known }
        guard names.count < Self.most else { return nil }
        var name = Self.drawn(SharingLayout.nameSize)
        var content = [kind.rawValue] + shared.handle
        withUnsafeBytes(of: shared.bytes) { content += $0 }
        withUnsafeBytes(of: shared.device) { content += $0 }
        guard write(content, Self.text(name)) else { return nil }
        name += [UInt8](repeating: 0, count: SharingLayout.handleSize - name.count)
        names[real] = name
        return name
    }

    /// What a client's handle stands for; `nil` when no worker of the lease has given it.
    package func find(_ kind: Kind, named name: Handle) -> Shared? {
        guard name.count == SharingLayout.handleSize,
            name[SharingLayout.nameSize...].allSatisfy({ $0 == 0 })
        else { return nil }
        let text = Self.text(Array(name[..<SharingLayout.nameSize]))
        let file = ferry_openat(folder, text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let end = 1 + SharingLayout.handleSize
        var content = [UInt8](repeating: 0, count: end + 12)
        let count = read(file, &content, content.count)
        guard count == content.count, content[0] == kind.rawValue else { return nil }
        return content.withUnsafeBytes { raw in
            Shared(
                Array(raw[1..<end]),
                bytes: raw.loadUnaligned(fromByteOffset: end, as: UInt64.self),
                device: raw.loadUnaligned(fromByteOffset: end + 8, as: Int32.self)
            )
        }
    }

    private func write(_ bytes: [UInt8], _ text: String) -> Bool {
        // Nobody knows the name before it is whole.
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = ferry_openat(folder, text, flags, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        return CLinux.write(file, bytes, bytes.count) == bytes.count
    }

    /// Bytes that nobody can guess.
    static func drawn(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max) }
    }

    /// The name of a file: two hexadecimal digits for each byte.
    static func text(_ name: Handle) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = name.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

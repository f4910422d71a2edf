internal import CProcess
internal import Glibc
internal import Wire

extension Descriptor {
    /// Hands a bulk channel's socket to the worker at the other end; the caller still closes it.
    ///
    /// - Returns: whether the worker will have it.
    func hand(over socket: Descriptor, _ invitation: BulkInvitation) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: BulkInvitation.size, alignment: 8) { bytes in
            guard let base = bytes.baseAddress else { return false }
            invitation.write(to: base)
            defer { explicit_bzero(base, bytes.count) }
            return ferry_send_with_descriptor(number, base, bytes.count, socket.number)
                == bytes.count
        }
    }
}

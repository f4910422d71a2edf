internal import CProcess
internal import Glibc
internal import Pool
internal import Wire

/// Handing a bulk channel's socket to the worker of its session.
struct BulkHandover {
    /// Where the worker hears of it.
    let control: Descriptor

    /// Sends the socket; the caller still closes it.
    ///
    /// - Returns: whether the worker will have it.
    func send(_ socket: Int32, _ invitation: consuming BulkInvitation) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: BulkInvitation.size, alignment: 8) { bytes in
            guard let base = bytes.baseAddress else { return false }
            invitation.write(to: base)
            defer { explicit_bzero(base, bytes.count) }
            return ferry_send_with_descriptor(control.number, base, bytes.count, socket)
                == bytes.count
        }
    }
}

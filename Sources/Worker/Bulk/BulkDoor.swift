internal import CLinux
internal import Transport
internal import Wire

/// Where bulk channels come from: the server sends their sockets, with their keys, on the
/// connection that the key of the first one came on.
enum BulkDoor {
    /// Begins to take channels, on a thread of its own, until the server closes its end.
    static func open(_ control: Int32, _ bulk: Bulk) {
        let isOpen = Thread.start {
            while let (socket, message) = receive(control) {
                admit(socket, message, bulk)
            }
            _ = close(control)
        }
        // The client goes on without them.
        if !isOpen { _ = close(control) }
    }

    private static func admit(_ socket: Int32, _ message: BulkInvitation, _ bulk: Bulk) {
        let isWanted = bulk.serve {
            guard let channel = channel(Socket(descriptor: socket), message) else {
                _ = close(socket)
                return nil
            }
            guard message.offersLink else { return channel }
            do throws(LinkSetup.Failure) {
                return try LinkSetup.accept(channel, lending: bulk.slots.file)
            } catch {
                WorkerLog.line("a bulk channel: \(error): no link")
                channel.close()
                return nil
            }
        }
        if !isWanted { _ = close(socket) }
    }

    private static func channel(_ socket: Socket, _ message: BulkInvitation) -> Channel? {
        var key = message.key
        do throws(WorkerFailure) {
            let opening = try withUnsafeMutableBytes(of: &key) {
                (bytes) throws(WorkerFailure) -> Opening in
                defer { TLS.wipe(bytes) }
                return try Opening.begin(socket, key: message.isEncrypted ? bytes.baseAddress : nil)
            }
            return try opening.finish()
        } catch {
            WorkerLog.line("a bulk channel: \(error.text)")
            return nil
        }
    }

    /// The next socket and what belongs to it; `nil` when there will be none.
    private static func receive(_ control: Int32) -> (Int32, BulkInvitation)? {
        let room = UnsafeMutableRawPointer.allocate(byteCount: BulkInvitation.size, alignment: 8)
        defer {
            TLS.wipe(.init(start: room, count: BulkInvitation.size))
            room.deallocate()
        }
        while true {
            var events = pollfd(fd: control, events: Int16(POLLIN), revents: 0)
            if poll(&events, 1, -1) < 0, ferry_errno() != EINTR { return nil }
            var socket: Int32 = -1
            let count = ferry_receive_descriptor(control, room, BulkInvitation.size, &socket)
            if count < 0, ferry_errno() == EAGAIN || ferry_errno() == EINTR { continue }
            if count == BulkInvitation.size, socket >= 0 {
                return (socket, BulkInvitation(reading: room))
            }
            if socket >= 0 { _ = close(socket) }
            if count <= 0 { return nil }
        }
    }
}

internal import CLinux
internal import Transport
internal import Wire

/// The last record of a worker that cannot go on.
enum FailureRecord {
    /// The record.
    static func encoded(_ failure: WorkerFailure) -> [UInt8] {
        let text = Array(failure.text.utf8.prefix(1024))
        let size = WireFormat.padded(WireFormat.headerSize + FailureLayout.text + text.count)
        var record = [UInt8](repeating: 0, count: size)
        record.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            RecordHeader(size: size, opcode: .failure, flags: 0, sequence: 0, context: 0)
                .write(to: base)
            let body = base + WireFormat.headerSize
            body.storeBytes(of: failure.status, toByteOffset: 0, as: Int32.self)
            body.storeBytes(
                of: UInt32(text.count),
                toByteOffset: FailureLayout.length,
                as: UInt32.self
            )
            for (index, byte) in text.enumerated() {
                body.storeBytes(of: byte, toByteOffset: FailureLayout.text + index, as: UInt8.self)
            }
        }
        return record
    }

    /// Sends it and waits, for a second at most, until the client has closed: closing with
    /// received bytes unread would make the system drop what was sent.
    static func send(_ failure: WorkerFailure, to channel: Channel) {
        let record = encoded(failure)
        var done = 0
        let end = ferry_now_ns() + 1_000_000_000
        record.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            while done < bytes.count, ferry_now_ns() < end {
                switch channel.send(base + done, bytes.count - done) {
                case .bytes(let count): done += count
                case .wouldBlock: drain(channel, until: end)
                case .closed, .failed: return
                }
            }
            channel.endSending()
            drain(channel, until: end, toTheEnd: true)
        }
    }

    /// Throws away what the client sends.
    private static func drain(_ channel: Channel, until end: UInt64, toTheEnd: Bool = false) {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { room in
            guard let base = room.baseAddress else { return }
            repeat {
                switch channel.receive(base, room.count) {
                case .bytes: continue
                case .wouldBlock: Thread.sleep(microseconds: 500)
                case .closed, .failed: return
                }
            } while toTheEnd && ferry_now_ns() < end
        }
    }
}

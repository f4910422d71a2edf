internal import CLinux
internal import CWorker
internal import Transport
internal import Wire

/// A worker without a driver, the far end of `ferry netperf` (docs/formats/wire.md, 1.2).
struct Echo {
    /// Seconds after which it ends, whatever happens.
    private static let lifetime = 120
    /// Milliseconds that a client may be silent.
    private static let patience: Int32 = 30_000

    private let channel: Channel
    private let room: UnsafeMutableRawBufferPointer

    /// Serves a client until its connection ends.
    static func serve(_ options: EchoOptions) -> WorkerFailure.ExitStatus {
        ferry_ignore_broken_pipes()
        _ = ferry_close_on_exec(options.socket)
        _ = ferry_drop_privileges()
        _ = Thread.start {
            Thread.sleep(microseconds: lifetime * 1_000_000)
            _exit(WorkerFailure.ExitStatus.protocolViolation.rawValue)
        }
        guard let channel = open(options) else { return .protocolViolation }
        return Echo(channel).run()
    }

    /// The connection as both ends want it to go on; `nil` when they do not agree.
    private static func open(_ options: EchoOptions) -> Channel? {
        do throws(WorkerFailure) {
            let opening = try Opening.begin(
                socket: options.socket,
                key: options.key,
                isEncrypted: options.isEncrypted
            )
            guard let channel = try opening?.finish() else { return nil }
            guard options.hearsOffer else { return channel }
            do throws(LinkSetup.Failure) {
                return try LinkSetup.accept(channel)
            } catch {
                return nil
            }
        } catch {
            WorkerLog.line(error.text)
            return nil
        }
    }

    private init(_ channel: Channel) {
        self.channel = channel
        room = .allocate(byteCount: EchoRequest.largest, alignment: 4096)
        // Pages that are touched for the first time would be measured.
        room.initializeMemory(as: UInt8.self, repeating: 0)
    }

    private func run() -> WorkerFailure.ExitStatus {
        while true {
            let head = UnsafeMutableRawBufferPointer(rebasing: room[..<EchoRequest.size])
            var policy = SpinPolicy(channel)
            do throws(SocketError) {
                try channel.receiveAll(head, &policy, timeout: Self.patience)
            } catch {
                return .clientClosed
            }
            guard let request = head.baseAddress.flatMap({ EchoRequest(reading: $0) }) else {
                return .protocolViolation
            }
            do throws(SocketError) { try answer(request) } catch { return .clientClosed }
        }
    }

    private func answer(_ request: EchoRequest) throws(SocketError) {
        let message = UnsafeMutableRawBufferPointer(rebasing: room[..<request.messageSize])
        var policy = request.spins ? SpinPolicy(channel) : SpinPolicy(budget: 0)
        var received: UInt64 = 0
        for _ in 0..<request.count {
            if request.kind != .source {
                try channel.receiveAll(message, &policy, timeout: Self.patience)
                received += UInt64(message.count)
            }
            if request.kind != .sink { try channel.sendAll(UnsafeRawBufferPointer(message)) }
        }
        guard request.kind == .sink else { return }
        room.storeBytes(of: received, as: UInt64.self)
        try channel.sendAll(UnsafeRawBufferPointer(rebasing: room[..<8]))
    }
}

internal import CLinux
internal import CUDAABI
internal import Driver
internal import Synchronization
internal import Transport
internal import Wire

/// The thread that runs the functions of the program that streams call, one after the other, as the driver's does.
/// For the life of the process.
struct HostFunctionThread: ~Copyable {
    private let state: HostFunctions.State
    private let channel: Channel
    private let room: UnsafeMutableRawPointer

    private init(_ state: HostFunctions.State, _ channel: Channel) {
        self.state = state
        self.channel = channel
        room = .allocate(byteCount: BulkFrame.size, alignment: 8)
    }

    /// - Returns: Whether the system had a thread to give.
    static func start(_ state: HostFunctions.State, _ channel: Channel) -> Bool {
        let thread = UnsafeMutablePointer<HostFunctionThread>.allocate(capacity: 1)
        thread.initialize(to: HostFunctionThread(state, channel))
        if LibraryThread.start({ hostFunctionMain($0) }, UnsafeMutableRawPointer(thread)) {
            return true
        }
        thread.deinitialize(count: 1)
        thread.deallocate()
        return false
    }

    /// The thread's loop: until the channel ends, and the session with it.
    fileprivate borrowing func run() {
        ferry_set_called_back()
        ferry_sleep_exactly()
        do throws(SocketError) {
            try channel.sendAll(BulkFrame(.listen))
            var spinning = SpinPolicy(channel)
            while true {
                try channel.receiveAll(
                    .init(start: room, count: BulkFrame.size),
                    &spinning,
                    timeout: -1
                )
                guard let frame = BulkFrame(reading: room), frame.kind == .call else {
                    throw SocketError(EPROTO, .receive)
                }
                try take(frame)
            }
        } catch {
            if error.number == EPROTO { Log.error("the server broke the protocol of functions") }
            Replies.loseConnection(state)
        }
        tellLoss()
    }

    private borrowing func take(_ frame: BulkFrame) throws(SocketError) {
        let number = frame.transfer
        if frame.slot & BulkFrame.isDropped != 0 {
            return state.pointee.hostFunctions.remove(number)
        }
        // Its context may be gone meanwhile.
        if let entry = state.pointee.hostFunctions.find(number) {
            awaitBytes(entry, frame.offset)
            guard state.pointee.lostStatus == 0 else { return }
            call(entry, frame.status)
        }
        try channel.sendAll(BulkFrame(.returned, transfer: number))
        state.pointee.hostFunctions.remove(number)
    }

    /// The program's memory holds what was copied before the function in its stream.
    private borrowing func awaitBytes(_ entry: HostFunctionEntry, _ place: UInt64) {
        guard state.pointee.pendingCopies.load(ordering: .acquiring) > 0 else { return }
        Replies.awaitPlace(state, place)
        LandingLink.await(state, before: entry.sequence)
    }

    private borrowing func call(_ entry: HostFunctionEntry, _ status: CUresult) {
        switch entry.kind {
        case .launched(let function): function(entry.data)
        case .added(let function, let stream): function(stream, status, entry.data)
        }
    }

    /// The connection is lost: what `cuStreamAddCallback` was given is told, as by the driver after an error.
    private borrowing func tellLoss() {
        let isAdded = { (entry: HostFunctionEntry) in
            if case .added = entry.kind { true } else { false }
        }
        while let (number, entry) = state.pointee.hostFunctions.first(where: isAdded) {
            call(entry, state.pointee.lostStatus)
            state.pointee.hostFunctions.remove(number)
        }
    }
}

private func hostFunctionMain(_ argument: UnsafeMutableRawPointer?) {
    argument?.assumingMemoryBound(to: HostFunctionThread.self).pointee.run()
}

internal import CLinux
package import Wire

/// Agreeing on how a connection goes on behind the greeting: shared memory, or a network that is
/// played (docs/formats/wire.md, "The link").
package enum LinkSetup {
    /// Bytes of each ring. Both together fit into the last cache of most processors, where copies
    /// run two to three times as fast as through memory.
    package static let ringSize = 1 << 20
    /// Milliseconds within which the other side answers; a worker has to start first.
    private static let patience: Int32 = 20_000
    /// Two clocks that are one differ by no more than this, in nanoseconds, while an offer is under
    /// way.
    private static let clockTolerance: UInt64 = 60_000_000_000

    /// Why there is no channel.
    package enum Failure: Error, Sendable {
        /// The connection is of no use.
        case connection
        /// The worker does not share this host's clock.
        case otherHost
        /// Memory cannot be shared, and nothing else was wanted.
        case noMemory
    }

    /// What a client wants.
    package struct Wish: Sendable {
        /// Whether to share memory, and whether only that will do.
        package var memory = Memory.no
        /// The network to play.
        package var link = LinkShape()

        /// Whether memory is to be shared.
        package enum Memory: Sendable {
            case no, ifPossible, must
        }

        /// A wish.
        package init(memory: Memory = .no, link: LinkShape = LinkShape()) {
            self.memory = memory
            self.link = link
        }

        /// Whether the greeting must announce an offer.
        package var needsOffer: Bool { memory != .no || link.isPlayed }
    }

    // MARK: - The client

    /// Makes an offer on a connection whose greeting announced one, and hears the answer. The channel
    /// is the caller's until another one is returned.
    package static func offer(_ channel: Channel, _ wish: Wish) throws(Failure) -> Channel {
        let socket = Socket(descriptor: channel.descriptor)
        var offer = LinkOffer()
        offer.link = wish.link
        offer.host = hostName()
        let isLocal = socket.isLocal
        var file: Int32 = -1
        if wish.memory != .no, isLocal {
            file = ferry_sealed_memory(SharedRings.Layout.total(ringSize))
        }
        defer { if file >= 0 { _ = close(file) } }
        let rings = file < 0 ? nil : SharedRings.map(file, ringSize: ringSize, socket, side: 0)
        guard rings != nil || wish.memory != .must else { throw .noMemory }
        if rings != nil { offer.ringSize = ringSize }
        let answered: LinkOffer.Answer
        var lent: Int32 = -1
        do throws(Failure) {
            try send(&offer, channel, rings == nil ? -1 : file)
            answered = try answer(channel, &lent)
        } catch {
            if let rings { SharedRings.unmap(rings) }
            throw error
        }
        defer { if lent >= 0 { _ = close(lent) } }
        if let rings, lent >= 0, let memory = SharedMemory(lent, BulkFrame.slots * BulkFrame.most) {
            rings.pointee.borrow(memory)
        }
        if answered == .accepted {
            return try decorate(rings.map { Channel(socket, $0) } ?? channel, wish.link)
        }
        if let rings { SharedRings.unmap(rings) }
        switch answered {
        case .noMemory where wish.memory != .must: return try decorate(channel, wish.link)
        case .noMemory: throw .noMemory
        case .otherHost: throw .otherHost
        case .accepted, .malformed: throw .connection
        }
    }

    private static func send(
        _ offer: inout LinkOffer,
        _ channel: Channel,
        _ file: Int32
    ) throws(Failure) {
        offer.now = ferry_now_ns()
        var bytes: InlineArray<64, UInt8> = .init(repeating: 0)
        let sent = withUnsafeMutableBytes(of: &bytes) { bytes -> Int in
            guard let base = bytes.baseAddress else { return -1 }
            offer.write(to: base)
            // The first bytes behind the greeting: there is always room for them.
            if file < 0 {
                if case .bytes(let count) = channel.send(base, LinkOffer.size) { return count }
                return -1
            }
            return ferry_send_descriptor(channel.descriptor, base, LinkOffer.size, file)
        }
        guard sent == LinkOffer.size else { throw .connection }
    }

    /// - Parameter lent: A descriptor that came with the answer; -1: none. It is the caller's.
    private static func answer(
        _ channel: Channel,
        _ lent: inout Int32
    ) throws(Failure) -> LinkOffer.Answer {
        var bytes: InlineArray<16, UInt8> = .init(repeating: 0)
        try withUnsafeMutableBytes(of: &bytes) { (bytes) throws(Failure) in
            try receive(bytes, channel, &lent)
        }
        let answer = withUnsafeBytes(of: &bytes) { bytes in
            bytes.baseAddress.flatMap { LinkOffer.Answer(reading: $0) }
        }
        guard let answer else { throw .connection }
        return answer
    }

    // MARK: - The worker

    /// Hears an offer on a connection whose greeting announced one, and answers it.
    ///
    /// - Parameter lent: A descriptor of memory that a client which shares memory may use; -1: none.
    ///   It stays the caller's.
    /// - Throws: When the connection ends with that; the answer has said why.
    package static func accept(
        _ channel: Channel,
        lending lent: Int32 = -1
    ) throws(Failure) -> Channel {
        let socket = Socket(descriptor: channel.descriptor)
        var file: Int32 = -1
        defer { if file >= 0 { _ = close(file) } }
        guard let offer = try hear(channel, &file) else {
            _ = say(.malformed, channel)
            throw .connection
        }
        guard !offer.link.isPlayed || sharesClock(offer) else {
            _ = say(.otherHost, channel)
            throw .otherHost
        }
        var rings: SharedRings.Pointer?
        if offer.ringSize > 0, socket.isLocal, file >= 0 {
            rings = SharedRings.map(file, ringSize: offer.ringSize, socket, side: 1)
        }
        let answer: LinkOffer.Answer =
            rings == nil && offer.ringSize > 0 ? .noMemory : .accepted
        guard say(answer, channel, rings == nil ? -1 : lent) else {
            if let rings { SharedRings.unmap(rings) }
            throw .connection
        }
        return try decorate(rings.map { Channel(socket, $0) } ?? channel, offer.link)
    }

    /// Receives an offer; `nil` when it is none.
    ///
    /// - Parameter file: The descriptor that came with it; -1: none. It is the caller's.
    private static func hear(
        _ channel: Channel,
        _ file: inout Int32
    ) throws(Failure) -> LinkOffer? {
        var bytes: InlineArray<64, UInt8> = .init(repeating: 0)
        try withUnsafeMutableBytes(of: &bytes) { (bytes) throws(Failure) in
            try receive(bytes, channel, &file)
        }
        return withUnsafeBytes(of: &bytes) { bytes in
            bytes.baseAddress.flatMap { LinkOffer(reading: $0) }
        }
    }

    /// Receives so many bytes and, over a Unix socket, the last descriptor that came with them.
    private static func receive(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ channel: Channel,
        _ file: inout Int32
    ) throws(Failure) {
        let socket = Socket(descriptor: channel.descriptor)
        do throws(SocketError) {
            guard socket.isLocal, let base = bytes.baseAddress else {
                return try channel.receiveAll(bytes, timeout: patience)
            }
            var done = 0
            while done < bytes.count {
                var found: Int32 = -1
                let left = bytes.count - done
                let count = ferry_receive_descriptor(socket.descriptor, base + done, left, &found)
                if found >= 0 {
                    if file >= 0 { _ = close(file) }
                    file = found
                }
                if count > 0 {
                    done += count
                    continue
                }
                let isQuiet = count < 0 && (ferry_errno() == EAGAIN || ferry_errno() == EINTR)
                guard isQuiet, try socket.wait(for: POLLIN, timeout: patience) != 0 else {
                    throw SocketError(ETIMEDOUT, .receive)
                }
            }
        } catch {
            throw .connection
        }
    }

    private static func say(
        _ answer: LinkOffer.Answer,
        _ channel: Channel,
        _ lent: Int32 = -1
    ) -> Bool {
        var bytes: InlineArray<16, UInt8> = .init(repeating: 0)
        if lent >= 0 {
            // The first bytes that the worker sends: there is always room for them.
            let sent = withUnsafeMutableBytes(of: &bytes) { bytes -> Int in
                guard let base = bytes.baseAddress else { return -1 }
                answer.write(to: base)
                return ferry_send_descriptor(channel.descriptor, base, bytes.count, lent)
            }
            return sent == 16
        }
        do throws(SocketError) {
            try withUnsafeMutableBytes(of: &bytes) { (bytes) throws(SocketError) in
                if let base = bytes.baseAddress { answer.write(to: base) }
                try channel.sendAll(UnsafeRawBufferPointer(bytes))
            }
            return true
        } catch {
            return false
        }
    }

    // MARK: - Both

    private static func decorate(_ channel: Channel, _ shape: LinkShape) throws(Failure) -> Channel
    {
        guard shape.isPlayed else { return channel }
        guard let link = EmulatedLink.make(channel, shape) else { throw .connection }
        return Channel(channel, over: link)
    }

    /// Whether the client's clock is this one: the same boot of the same kernel, and no namespace
    /// with a time of its own.
    private static func sharesClock(_ offer: LinkOffer) -> Bool {
        let own = hostName()
        var isSame = true
        var isKnown = false
        for index in 0..<16 {
            if own[index] != offer.host[index] { isSame = false }
            if own[index] != 0 { isKnown = true }
        }
        let now = ferry_now_ns()
        return isSame && isKnown && offer.now <= now && now - offer.now < clockTolerance
    }

    /// The kernel's random name for this boot of the machine; zeros when it does not say.
    private static func hostName() -> InlineArray<16, UInt8> {
        var name: InlineArray<16, UInt8> = .init(repeating: 0)
        let file = ferry_open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0)
        guard file >= 0 else { return name }
        defer { _ = close(file) }
        var text: InlineArray<36, UInt8> = .init(repeating: 0)
        let count = withUnsafeMutableBytes(of: &text) { read(file, $0.baseAddress, 36) }
        guard count == 36 else { return name }
        var digits = 0
        for index in 0..<36 {
            let value: UInt8
            switch text[index] {
            case 48...57: value = text[index] - 48
            case 97...102: value = text[index] - 87
            default: continue
            }
            if digits < 32 { name[digits / 2] = name[digits / 2] << 4 | value }
            digits += 1
        }
        return name
    }
}

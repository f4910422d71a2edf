internal import Driver
internal import DriverFrontend
internal import Wire

// A copy to the GPU takes what functions before it in its stream have written: bytes leave the program's memory
// when the copy is made, so until then its caller waits for them (docs/adr/0017).
extension HostFunctions {
    /// Waits until every function has returned that a copy to the GPU comes behind.
    ///
    /// - Parameters:
    ///   - stream: The copy's, as it is on the wire.
    ///   - source: The first byte; pageable memory is read at once by asynchronous copies.
    @inline(__always)
    static func awaitWriters(
        _ state: State,
        _ stream: UInt64,
        _ source: UInt,
        isSynchronous: Bool
    ) {
        if _fastPath(state.pointee.hostFunctions.count == 0) { return }
        awaitMoreWriters(state, stream, source, isSynchronous)
    }

    @inline(never)
    private static func awaitMoreWriters(
        _ state: State,
        _ stream: UInt64,
        _ source: UInt,
        _ isSynchronous: Bool
    ) {
        guard isSynchronous || state.pointee.hostMemory.find(source) != nil else { return }
        let place = Place(state, stream)
        // Those that come later are not before the copy.
        let last = state.pointee.hostFunctions.given
        wait(state) {
            // After an error some are never called.
            guard state.pointee.contexts.usable(place.context) != nil else { return false }
            return state.pointee.hostFunctions.first { entry in
                entry.place <= last && place.isBehind(entry, state)
            } != nil
        }
    }

    /// A stream waits for an event: what is given to it comes behind everything that the event could stand for.
    @inline(__always)
    static func noteJoin(_ state: State, _ stream: UInt64) {
        if _fastPath(state.pointee.hostFunctions.count == 0) { return }
        let given = state.pointee.hostFunctions.given
        if let entry = state.pointee.streams.find(stream) {
            entry.pointee.joined = given
        } else {
            state.pointee.hostFunctions.joinedByDefault = given
        }
    }

    /// Where in the order of streams a copy stands.
    private struct Place {
        let context: UInt64
        private let stream: UInt64
        /// Whether the stream is the default stream, or waits for it.
        private let isBlocking: Bool
        /// As many functions were given to streams when it last joined others.
        private let joined: UInt64

        init(_ state: State, _ stream: UInt64) {
            context = ContextStack.current
            self.stream = stream
            let entry = state.pointee.streams.find(stream)
            isBlocking = Self.isBlocking(stream, state)
            joined = entry?.pointee.joined ?? state.pointee.hostFunctions.joinedByDefault
        }

        /// Whether a function may come before it. Streams that wait for the default stream may all have been
        /// ordered by it.
        func isBehind(_ entry: HostFunctionEntry, _ state: State) -> Bool {
            guard entry.context == context else { return false }
            if entry.stream == stream || entry.place <= joined { return true }
            return isBlocking && Self.isBlocking(entry.stream, state)
        }

        private static func isBlocking(_ stream: UInt64, _ state: State) -> Bool {
            guard let entry = state.pointee.streams.find(stream) else { return true }
            return entry.pointee.flags & 1 == 0
        }
    }
}

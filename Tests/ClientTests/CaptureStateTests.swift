import Client
import Testing

/// What the client knows of captures, without a session.
@Suite struct CaptureStateTests {
    private static let (here, elsewhere): (UInt64, UInt64) = (100, 200)
    private static let (first, second, third): (UInt64, UInt64, UInt64) = (11, 12, 13)
    private static let (unsupported, invalidated, merge): (Int32, Int32, Int32) = (900, 901, 902)
    private static let (unmatched, isolation, implicit): (Int32, Int32, Int32) = (903, 905, 906)
    private static let (capturedEvent, wrongThread): (Int32, Int32) = (907, 908)

    private func stream(
        _ handle: UInt64,
        context: UInt64 = Self.here,
        isBlocking: Bool = true
    ) -> CapturedStream {
        CapturedStream(handle: handle, context: context, isBlocking: isBlocking)
    }

    private func begun(
        _ mode: CaptureMode = .global,
        isBlocking: Bool = true
    ) -> (CaptureState, UInt64) {
        var state = CaptureState()
        let identifier = state.begin(
            stream(Self.first, isBlocking: isBlocking),
            mode: mode,
            thread: 1,
            graph: 77,
            makesGraph: true
        )
        return (state, identifier ?? 0)
    }

    @Test func `a stream is captured once`() {
        var (state, identifier) = begun()
        #expect(identifier != 0 && state.isFilled(77))
        #expect(
            state.begin(stream(Self.first), mode: .relaxed, thread: 1, graph: 78, makesGraph: true)
                == nil
        )
        #expect(state.work(Self.first, context: Self.here) == .captured(identifier))
        #expect(state.work(Self.second, context: Self.here) == .plain)
        #expect(state.checkEnd(Self.first, thread: 1) == 0)
        state.end(identifier)
        #expect(state.captures.isEmpty && state.checkEnd(Self.first, thread: 1) == 401)
        let next = state.begin(
            stream(Self.first),
            mode: .relaxed,
            thread: 1,
            graph: 78,
            makesGraph: true
        )
        #expect(next != nil && next != identifier)
    }

    @Test func `streams join by events`() {
        var (state, identifier) = begun()
        #expect(
            state.wait(stream(Self.second), for: identifier, isRecorded: true)
                == .captured(identifier)
        )
        #expect(state.work(Self.second, context: Self.here) == .captured(identifier))
        #expect(state.checkEnd(Self.second, thread: 1) == Self.unmatched)
        #expect(state.work(Self.first, context: Self.here) == .refused(Self.invalidated))
        state.end(identifier)
        #expect(state.work(Self.second, context: Self.here) == .plain)
        #expect(
            state.wait(stream(Self.third), for: identifier, isRecorded: true)
                == .refused(Self.capturedEvent)
        )
    }

    @Test func `events from outside break a capture, those that were never recorded do not`() {
        var (state, _) = begun()
        #expect(state.wait(stream(Self.first), for: 0, isRecorded: false) == .plain)
        #expect(state.capture(of: Self.first)?.isValid == true)
        #expect(
            state.wait(stream(Self.first), for: 0, isRecorded: true) == .refused(Self.isolation)
        )
        #expect(state.capture(of: Self.first)?.isValid == false)
        #expect(state.wait(stream(Self.second), for: 0, isRecorded: true) == .plain)
    }

    @Test func `two captures do not become one`() throws {
        var (state, identifier) = begun()
        let other = state.begin(
            stream(Self.second),
            mode: .relaxed,
            thread: 1,
            graph: 78,
            makesGraph: true
        )
        #expect(
            state.wait(stream(Self.first), for: try #require(other), isRecorded: true)
                == .refused(Self.merge)
        )
        #expect(state.captures.allSatisfy { !$0.isValid } && state.captures.count == 2)
        #expect(
            state.wait(stream(Self.third), for: identifier, isRecorded: true)
                == .refused(Self.invalidated)
        )
    }

    @Test(arguments: [0, 1] as [UInt64])
    func `the legacy stream waits for blocking streams of its context`(legacy: UInt64) {
        var (state, identifier) = begun()
        #expect(state.work(legacy, context: Self.elsewhere) == .plain)
        #expect(!state.isLegacyFree(of: Self.here) && state.isLegacyFree(of: Self.elsewhere))
        #expect(state.work(legacy, context: Self.here) == .refused(Self.implicit))
        #expect(state.capture(of: Self.first)?.isValid == false)
        (state, identifier) = begun(isBlocking: false)
        #expect(state.work(legacy, context: Self.here) == .plain)
        #expect(
            state.wait(stream(legacy), for: identifier, isRecorded: true)
                == .refused(Self.implicit)
        )
    }

    @Test func `a capture ends in its thread unless it is relaxed`() {
        var (state, _) = begun(.threadLocal)
        #expect(state.checkEnd(Self.first, thread: 2) == Self.wrongThread)
        #expect(state.checkEnd(Self.first, thread: 1) == 0)
        (state, _) = begun(.relaxed)
        #expect(state.checkEnd(Self.first, thread: 2) == 0)
    }

    /// cuThreadExchangeStreamCaptureMode says which calls are allowed.
    @Test(arguments: [
        (CaptureMode.global, CaptureMode.global, true, true),
        (.global, .threadLocal, true, false), (.global, .relaxed, false, false),
        (.threadLocal, .global, true, false), (.threadLocal, .threadLocal, true, false),
        (.threadLocal, .relaxed, false, false), (.relaxed, .global, false, false),
        (.relaxed, .threadLocal, false, false), (.relaxed, .relaxed, false, false),
    ])
    func `calls that a graph would not repeat`(
        capture: CaptureMode,
        thread: CaptureMode,
        isForbiddenHere: Bool,
        isForbiddenElsewhere: Bool
    ) {
        var (state, _) = begun(capture)
        let elsewhere = state.checkUnsafeCall(of: 2, in: thread)
        #expect(elsewhere == (isForbiddenElsewhere ? Self.unsupported : 0))
        (state, _) = begun(capture)
        let here = state.checkUnsafeCall(of: 1, in: thread)
        #expect(here == (isForbiddenHere ? Self.unsupported : 0))
        #expect(state.capture(of: Self.first)?.isValid == !isForbiddenHere)
    }

    @Test func `waiting for what is captured breaks the capture`() {
        var (state, identifier) = begun()
        #expect(state.forbid(Self.second, context: Self.here) == 0)
        #expect(state.forbid(context: Self.elsewhere) == 0)
        #expect(state.capture(of: Self.first)?.isValid == true)
        #expect(state.forbid(context: Self.here) == Self.unsupported)
        #expect(state.forbid(Self.first, context: Self.here) == Self.invalidated)
        (state, identifier) = begun()
        #expect(state.forbid(Self.first, context: Self.here) == Self.unsupported)
        (state, identifier) = begun()
        state.invalidate(identifier)
        #expect(state.work(Self.first, context: Self.here) == .refused(Self.invalidated))
    }

    @Test func `a stream that goes takes the capture with it that began there`() {
        var (state, identifier) = begun()
        _ = state.wait(stream(Self.second), for: identifier, isRecorded: true)
        #expect(state.remove(Self.second) == nil)
        #expect(state.capture(of: Self.first)?.isValid == true)
        #expect(state.capture(of: Self.second) == nil)
        #expect(state.remove(Self.first)?.identifier == identifier)
        #expect(state.captures.isEmpty && state.remove(Self.first) == nil)
    }
}

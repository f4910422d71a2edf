internal import CLinux

/// Threads beside the reader.
enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a thread of its own.
    ///
    /// - Returns: Whether the system had a thread to give.
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let argument = Unmanaged.passRetained(Body(body))
        let status = ferry_start_thread(
            { raw in
                guard let raw else { return }
                Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
            },
            argument.toOpaque()
        )
        if status != 0 { argument.release() }
        return status == 0
    }

    /// Sleeps, not exactly.
    static func sleep(microseconds: Int) {
        var time = timespec(
            tv_sec: microseconds / 1_000_000,
            tv_nsec: microseconds % 1_000_000 * 1000
        )
        nanosleep(&time, nil)
    }

    /// Processors that this process may use.
    static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}

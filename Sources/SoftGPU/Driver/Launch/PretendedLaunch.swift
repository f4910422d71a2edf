internal import CLinux
package import CUDAABI
internal import Driver
package import SoftDevice

/// A launch whose kernel is not executed, so that what is around launches can be measured: a call
/// that costs nothing, or as much as that of a real driver (`FERRY_SOFT_GPU_LAUNCH`).
struct PretendedLaunch {
    private let nanoseconds: UInt64
    /// When the call shall be over, 0 for at once.
    private let end: UInt64

    /// The time that the call takes begins here.
    @inline(__always)
    init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
        end = nanoseconds == 0 ? 0 : ferry_now_ns() + nanoseconds
    }

    /// `nil` when launches are executed.
    @inline(__always)
    init?(_ launches: Configuration.Launch) {
        switch launches {
        case .run: return nil
        case .null: self.init(nanoseconds: 0)
        case .busy(let nanoseconds): self.init(nanoseconds: nanoseconds)
        }
    }

    /// Checks what executing would read of the program's memory, keeps the thread busy, and
    /// remembers that the launch was in order.
    func finish(
        _ launch: RememberedLaunches.Key,
        _ kernel: Kernel,
        parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        since epoch: UInt64
    ) throws(Failure) {
        if extra != nil {
            _ = try LaunchParameters.copy(for: kernel, parameters: parameters, extra: extra)
        } else {
            let status = Self.check(parameters, kernel.parameters.count)
            guard status == Status.success else { throw Failure(status) }
        }
        let answer = RememberedLaunches.Answer(
            parameterCount: kernel.parameters.count,
            nanoseconds: nanoseconds
        )
        if !LaunchLog.isWanted { RememberedLaunches.remember(launch, answer, since: epoch) }
        wait()
    }

    /// The same launch once more.
    @inline(__always)
    static func again(
        _ answer: RememberedLaunches.Answer,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        let launch = PretendedLaunch(nanoseconds: answer.nanoseconds)
        let status = check(parameters, answer.parameterCount)
        if status == Status.success { launch.wait() }
        return status
    }

    @inline(__always)
    private static func check(
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ count: Int
    ) -> Int32 {
        guard count > 0 else { return Status.success }
        guard let parameters else { return Status.invalidValue }
        for index in 0..<count where parameters[index] == nil { return Status.invalidValue }
        return Status.success
    }

    @inline(__always)
    private func wait() {
        guard end > 0 else { return }
        while ferry_now_ns() < end {}
    }
}

extension SoftCalls {
    /// Chooses what launches do in one context from now on, for tests. No launch may be under way.
    package static func setLaunches(
        _ launches: Configuration.Launch,
        in context: CUcontext?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            try driver.slot(number(context)).requireLive().launches = launches
            RememberedLaunches.forget()
        }
    }
}

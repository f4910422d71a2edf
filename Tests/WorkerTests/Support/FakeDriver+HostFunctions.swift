import CUDAABI
import Foundation
import Worker

private var fake: FakeDriver { .shared }

extension FakeDriver {
    /// Functions that streams call, on threads of the driver's; a stream waits for its own.
    static func addHostFunctions(_ table: inout DriverTable) {
        table.cuLaunchHostFunc = { stream, function, argument in
            fake.note("cuLaunchHostFunc") {
                guard let function else { return 1 }
                nonisolated(unsafe) let argument = argument
                return fake.call(in: stream) { function(argument) }
            }
        }
        table.cuStreamAddCallback = { stream, function, argument, flags in
            fake.note("cuStreamAddCallback") {
                guard let function, flags == 0 else { return 1 }
                nonisolated(unsafe) let (stream, argument) = (stream, argument)
                return fake.call(in: stream) { function(stream, 719, argument) }
            }
        }
    }

    private func call(in stream: CUstream?, _ body: @escaping @Sendable () -> Void) -> Int32 {
        guard let queue = self.stream(stream) else { return 400 }
        nonisolated(unsafe) let stream = stream
        queue.enqueue {
            queue.isBlocked = true
            Thread.detachNewThread {
                body()
                fake.release(stream)
            }
        }
        return 0
    }
}

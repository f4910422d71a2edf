import CUDAABI
import Synchronization

/// The work of one stream of the fake driver: runs at once, or when what blocks the stream ends.
final class FakeStream {
    var isBlocked = false
    var pending: [() -> Void] = []

    func enqueue(_ work: @escaping () -> Void) {
        if isBlocked { pending.append(work) } else { work() }
    }

    func release() {
        isBlocked = false
        while !isBlocked, !pending.isEmpty { pending.removeFirst()() }
    }

    var isBusy: Bool { isBlocked || !pending.isEmpty }
}

/// An event of the fake driver.
final class FakeEvent {
    var isDone = true
}

/// A context of the fake driver.
final class FakeContext {
    let device: Int32
    init(device: Int32) { self.device = device }
}

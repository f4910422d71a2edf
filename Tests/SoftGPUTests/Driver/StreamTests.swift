import CLinux
import CUDAABI
import SoftGPU
import Synchronization
import Testing

@Suite("Streams and events of the software GPU")
struct StreamTests {
    /// A stream that spins until it is told to go on.
    private final class Gate {
        let stream: OpaquePointer
        private let word: UnsafeMutablePointer<UInt32>

        init(isBlocking: Bool = true) throws {
            var (stream, pointer): (OpaquePointer?, UnsafeMutableRawPointer?) = (nil, nil)
            try Harness.check(SoftCalls.cuStreamCreate(&stream, isBlocking ? 0 : 1))
            try Harness.check(SoftCalls.cuMemHostAlloc(&pointer, 4, 0))
            self.stream = try #require(stream)
            word = try #require(pointer).assumingMemoryBound(to: UInt32.self)
            let spin = try Harness.kernel(Kernels.spin, "spin")
            let address = UInt64(UInt(bitPattern: word))
            try Harness.check(Harness.launch(spin, stream: self.stream, [address]))
        }

        func open() { word.pointee = 1 }
    }

    @Test func workIsInOrder() throws {
        try Harness.inContext { _ in
            let append = try Harness.kernel(Kernels.append, "append")
            let list = try Harness.allocate(4096)
            try Harness.check(SoftCalls.cuMemsetD32_v2(list, 0, 1024))
            let gate = try Gate()
            for value in 1...100 {
                let status = Harness.launch(append, stream: gate.stream, [list, UInt64(value)])
                try Harness.check(status)
            }
            #expect(SoftCalls.cuStreamQuery(gate.stream) == 600)
            gate.open()
            try Harness.check(SoftCalls.cuStreamSynchronize(gate.stream))
            #expect(SoftCalls.cuStreamQuery(gate.stream) == 0)
            #expect(try Harness.read(list, count: 101) == [100] + (1...100).map { UInt32($0) })
        }
    }

    @Test func streamsRunBesideEachOther() throws {
        try Harness.inContext { _ in
            let gate = try Gate(isBlocking: false)
            let append = try Harness.kernel(Kernels.append, "append")
            let list = try Harness.allocate(64)
            try Harness.check(SoftCalls.cuMemsetD32_v2(list, 0, 16))
            var other: OpaquePointer?
            try Harness.check(SoftCalls.cuStreamCreate(&other, 1))
            try Harness.check(Harness.launch(append, stream: other, [list, 9]))
            try Harness.check(SoftCalls.cuStreamSynchronize(other))
            // The legacy stream does not wait for streams that do not block.
            #expect(try Harness.read(list, count: 2) == [1, 9])
            #expect(SoftCalls.cuStreamQuery(gate.stream) == 600)
            gate.open()
            try Harness.check(SoftCalls.cuCtxSynchronize())
            #expect(SoftCalls.cuStreamQuery(gate.stream) == 0)
        }
    }

    @Test func theLegacyStreamWaitsForBlockingStreams() throws {
        try Harness.inContext { _ in
            let gate = try Gate()
            let append = try Harness.kernel(Kernels.append, "append")
            let list = try Harness.allocate(64)
            try Harness.check(SoftCalls.cuMemsetD32Async(list, 0, 16, gate.stream))
            try Harness.check(Harness.launch(append, [list, 1]))
            try Harness.check(Harness.launch(append, stream: gate.stream, [list, 2]))
            #expect(SoftCalls.cuStreamQuery(nil) == 600)
            gate.open()
            try Harness.check(SoftCalls.cuStreamSynchronize(gate.stream))
            #expect(try Harness.read(list, count: 3) == [2, 1, 2])
        }
    }

    @Test func aStreamWaitsForAnEvent() throws {
        try Harness.inContext { _ in
            let gate = try Gate(isBlocking: false)
            let append = try Harness.kernel(Kernels.append, "append")
            let list = try Harness.allocate(64)
            try Harness.check(SoftCalls.cuMemsetD32_v2(list, 0, 16))
            var (other, event): (OpaquePointer?, OpaquePointer?) = (nil, nil)
            try Harness.check(SoftCalls.cuStreamCreate(&other, 1))
            try Harness.check(SoftCalls.cuEventCreate(&event, 0))
            #expect(SoftCalls.cuEventQuery(event) == 0)
            try Harness.check(Harness.launch(append, stream: gate.stream, [list, 1]))
            try Harness.check(SoftCalls.cuEventRecord(event, gate.stream))
            try Harness.check(SoftCalls.cuStreamWaitEvent(other, event, 0))
            try Harness.check(Harness.launch(append, stream: other, [list, 2]))
            #expect(SoftCalls.cuEventQuery(event) == 600)
            #expect(SoftCalls.cuStreamQuery(other) == 600)
            gate.open()
            try Harness.check(SoftCalls.cuStreamSynchronize(other))
            #expect(SoftCalls.cuEventQuery(event) == 0)
            #expect(try Harness.read(list, count: 3) == [2, 1, 2])
        }
    }

    @Test func pageableMemoryMayBeUsedAgainAtOnce() throws {
        try Harness.inContext { _ in
            let gate = try Gate(isBlocking: false)
            let target = try Harness.allocate(64)
            var source = [UInt32](repeating: 5, count: 16)
            try Harness.check(SoftCalls.cuMemcpyHtoDAsync_v2(target, source, 64, gate.stream))
            source = [UInt32](repeating: 6, count: 16)
            gate.open()
            try Harness.check(SoftCalls.cuStreamSynchronize(gate.stream))
            #expect(try Harness.read(target, count: 16) == [UInt32](repeating: 5, count: 16))
        }
    }

    @Test func eventsMeasureTime() throws {
        try Harness.inContext { _ in
            var (first, second, silent): (OpaquePointer?, OpaquePointer?, OpaquePointer?)
            (first, second, silent) = (nil, nil, nil)
            try Harness.check(SoftCalls.cuEventCreate(&first, 0))
            try Harness.check(SoftCalls.cuEventCreate(&second, 0))
            try Harness.check(SoftCalls.cuEventCreate(&silent, 2))
            var time: Float = -1
            #expect(SoftCalls.cuEventElapsedTime(&time, first, second) == 400)
            try Harness.check(SoftCalls.cuEventRecord(first, nil))
            usleep(20_000)
            try Harness.check(SoftCalls.cuEventRecord(second, nil))
            try Harness.check(SoftCalls.cuEventRecord(silent, nil))
            try Harness.check(SoftCalls.cuEventSynchronize(second))
            try Harness.check(SoftCalls.cuEventElapsedTime(&time, first, second))
            #expect(time >= 19)
            #expect(SoftCalls.cuEventElapsedTime(&time, first, silent) == 400)
            try Harness.check(SoftCalls.cuEventDestroy_v2(first))
            #expect(SoftCalls.cuEventQuery(first) == 400)
        }
    }

    @Test func hostFunctionsRunInOrder() throws {
        try Harness.inContext { _ in
            let gate = try Gate(isBlocking: false)
            nonisolated(unsafe) let counter = UnsafeMutablePointer<Int>.allocate(capacity: 1)
            counter.initialize(to: 0)
            defer { counter.deallocate() }
            for _ in 0..<3 {
                let status = SoftCalls.cuLaunchHostFunc(
                    gate.stream,
                    { $0?.assumingMemoryBound(to: Int.self).pointee += 1 },
                    counter
                )
                try Harness.check(status)
            }
            #expect(counter.pointee == 0)
            gate.open()
            try Harness.check(SoftCalls.cuStreamSynchronize(gate.stream))
            #expect(counter.pointee == 3)
        }
    }

    @Test func aDestroyedStreamIsNoStream() throws {
        try Harness.inContext { _ in
            var stream: OpaquePointer?
            try Harness.check(SoftCalls.cuStreamCreate(&stream, 0))
            try Harness.check(SoftCalls.cuStreamDestroy_v2(stream))
            #expect(SoftCalls.cuStreamDestroy_v2(stream) == 400)
            #expect(SoftCalls.cuStreamSynchronize(stream) == 400)
            #expect(SoftCalls.cuStreamQuery(OpaquePointer(bitPattern: 0x5555)) == 400)
        }
    }
}

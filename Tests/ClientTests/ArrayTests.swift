import CUDAABI
import Client
import Foundation
import TestSupport
import Testing
import Wire

extension ClientTests {
    @Suite struct Arrays {
        /// A structure of `cuda.h` as words of eight bytes.
        private static func with<R>(_ words: [UInt64], _ body: (OpaquePointer?) -> R) -> R {
            var words = words
            return words.withUnsafeMutableBytes { body($0.baseAddress.map { OpaquePointer($0) }) }
        }

        /// `CUDA_ARRAY3D_DESCRIPTOR` of floats.
        private static func shape(_ size: (UInt64, UInt64, UInt64), format: UInt64 = 0x20)
            -> [UInt64]
        {
            [size.0, size.1, size.2, format | 1 << 32, 2]
        }

        private static func make(_ size: (UInt64, UInt64, UInt64)) throws -> CUarray {
            var array: CUarray?
            try #require(with(shape(size)) { ClientCalls.cuArray3DCreate_v2(&array, $0) } == 0)
            return try #require(array)
        }

        /// `CUDA_MEMCPY3D`: to the array, or from it.
        private static func copy(
            _ array: CUarray,
            at place: (UInt64, UInt64, UInt64),
            _ host: UnsafeRawPointer,
            pitch: UInt64,
            rows: UInt64,
            _ extent: (UInt64, UInt64, UInt64),
            toHost: Bool
        ) -> [UInt64] {
            let raw = UInt64(UInt(bitPattern: array))
            let side = [place.0, place.1, place.2, 0, 3, 0, 0, raw, 0, 0, 0]
            let memory = [0, 0, 0, 0, 1, UInt64(UInt(bitPattern: host)), 0, 0, 0, pitch, rows]
            return (toHost ? side + memory : memory + side) + [extent.0, extent.1, extent.2]
        }

        private static func pattern(_ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ ($0 >> 8) &* 13) }
        }

        @Test func `a new array is waited for, what it is and its end are not`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let before = Session.traffic.roundTrips
                let array = try Self.make((10, 6, 4))
                #expect(Session.traffic.roundTrips == before + 1)
                var found = [UInt64](repeating: 0, count: 5)
                let status = found.withUnsafeMutableBytes { memory in
                    ClientCalls.cuArray3DGetDescriptor_v2(
                        memory.baseAddress.map { OpaquePointer($0) },
                        array
                    )
                }
                #expect(status == 0 && found == Self.shape((10, 6, 4)))
                #expect(ClientCalls.cuArrayDestroy(array) == 0)
                #expect(ClientCalls.cuArrayDestroy(array) == 400)
                #expect(ClientCalls.cuArrayDestroy(nil) == 400)
                #expect(Session.traffic.roundTrips == before + 1)
                #expect(server.waitFor(.cuArrayDestroy))
                // The same index under another handle.
                let next = try Self.make((1, 0, 0))
                #expect(next != array)
                #expect(ClientCalls.cuArray3DGetDescriptor_v2(nil, next) == 1)
            }
        }

        @Test func `an array that cannot be made leaves nothing`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuArray3DCreate_v2 else { return false }
                server.reply(to: request, status: 2)
                return true
            }
            try await withSession(server) {
                var array: CUarray?
                let words = Self.shape((10, 6, 4))
                #expect(Self.with(words) { ClientCalls.cuArray3DCreate_v2(&array, $0) } == 2)
                #expect(array == nil)
                #expect(Self.with(words) { ClientCalls.cuArray3DCreate_v2(nil, $0) } == 1)
                #expect(ClientCalls.cuArray3DCreate_v2(&array, nil) == 1)
                #expect(!server.opcodes.contains(.cuArrayDestroy))
            }
        }

        @Test func `an array that nobody hears of is given back`() async throws {
            let server = try FakeServer { server, request in
                guard request.opcode == .cuArray3DCreate_v2 else { return false }
                server.reply(to: request, deferred: (1, .cuMemsetD8_v2))
                return true
            }
            try await withSession(server) {
                var array: CUarray?
                let words = Self.shape((10, 6, 4))
                #expect(Self.with(words) { ClientCalls.cuArray3DCreate_v2(&array, $0) } == 1)
                #expect(array == nil && server.waitFor(.cuArrayDestroy))
            }
        }

        /// Rows with gaps go out as boxes without them, of at most 128 KiB.
        @Test func `parts go there and back`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let array = try Self.make((200, 100, 9))
                let (pitch, rows) = (1000, 120)
                let data = Self.pattern(pitch * rows * 9)
                let extent = (UInt64(600), UInt64(90), UInt64(7))
                let up = Self.copy(
                    array,
                    at: (40, 5, 2),
                    data,
                    pitch: 1000,
                    rows: 120,
                    extent,
                    toHost: false
                )
                // With nothing left to do a copy needs no answer, whatever other threads there are.
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                let before = Session.traffic.roundTrips
                #expect(Self.with(up) { ClientCalls.cuMemcpy3D_v2($0) } == 0)
                #expect(Session.traffic.roundTrips == before)
                var dense = [UInt8](repeating: 0, count: 600 * 90 * 7)
                let whole = Self.copy(
                    array,
                    at: (40, 5, 2),
                    &dense,
                    pitch: 600,
                    rows: 90,
                    extent,
                    toHost: true
                )
                #expect(Self.with(whole) { ClientCalls.cuMemcpy3D_v2($0) } == 0)
                #expect(Session.traffic.roundTrips == before + 1)
                var wanted: [UInt8] = []
                for z in 0..<7 {
                    for y in 0..<90 {
                        let start = (z * rows + y) * pitch
                        wanted += data[start..<start + 600]
                    }
                }
                #expect(dense == wanted)
                let uploads = server.requests.filter {
                    $0.opcode == .cuMemcpy3D_v2 && $0.load(0, as: UInt32.self) == 1
                }
                #expect(uploads.count >= 3 && uploads.count <= 7)
                #expect(uploads.allSatisfy { $0.body.count <= BoxLayout.size + WireFormat.maxData })
                // With gaps: rows, with a wait for 256 of them.
                var gaps = [UInt8](repeating: 0xEE, count: pitch * rows * 9)
                let down = Self.copy(
                    array,
                    at: (40, 5, 2),
                    &gaps,
                    pitch: 1000,
                    rows: 120,
                    extent,
                    toHost: true
                )
                #expect(Self.with(down) { ClientCalls.cuMemcpy3DAsync_v2($0, nil) } == 0)
                #expect(Session.traffic.roundTrips == before + 1 + 3)
                for z in 0..<9 {
                    for y in 0..<rows {
                        let start = (z * rows + y) * pitch
                        let isInside = z < 7 && y < 90
                        let row = Array(gaps[start..<start + 600])
                        #expect(
                            row
                                == (isInside
                                    ? Array(data[start..<start + 600])
                                    : [UInt8](repeating: 0xEE, count: 600))
                        )
                        #expect(gaps[start + 600..<start + pitch].allSatisfy { $0 == 0xEE })
                    }
                }
            }
        }

        @Test func `to page-locked memory nothing is waited for`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let array = try Self.make((64, 0, 0))
                let data = Self.pattern(256)
                #expect(ClientCalls.cuMemcpyHtoA_v2(array, 0, data, 256) == 0)
                var memory: UnsafeMutableRawPointer?
                #expect(ClientCalls.cuMemHostAlloc(&memory, 4096, 0) == 0)
                let target = try #require(memory)
                let before = Session.traffic.roundTrips
                #expect(ClientCalls.cuMemcpyAtoHAsync_v2(target, array, 8, 200, nil) == 0)
                #expect(Session.traffic.roundTrips == before)
                #expect(ClientCalls.cuStreamSynchronize(nil) == 0)
                let found = UnsafeRawBufferPointer(start: target, count: 200)
                #expect(found.elementsEqual(data[8..<208]))
                #expect(ClientCalls.cuMemFreeHost(target) == 0)
            }
        }

        @Test func `what is wrong with a copy is known here`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let array = try Self.make((16, 8, 0))
                let memory = [UInt8](repeating: 0, count: 4096)
                func status(_ change: (inout [UInt64]) -> Void) -> Int32 {
                    var words = Self.copy(
                        array,
                        at: (0, 0, 0),
                        memory,
                        pitch: 64,
                        rows: 8,
                        (64, 8, 1),
                        toHost: false
                    )
                    change(&words)
                    return Self.with(words) { ClientCalls.cuMemcpy3D_v2($0) }
                }
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                #expect(status { _ in } == 0)
                #expect(status { $0[11] = 1 } == 1)
                #expect(status { $0[12] = 1 } == 1)
                #expect(status { $0[13] = .max } == 1)
                #expect(status { $0[18] = 4096 } == 400)
                #expect(status { $0[9] = 63 } == 1)
                #expect(status { $0[5] = 0 } == 1)
                #expect(status { $0[4] = 7 } == 1)
                #expect(status { $0[22] = 1 << 62 } == 1)
                #expect(status { $0[23] = .max } == 1)
                #expect(status { $0[22] = 0 } == 0)
                #expect(ClientCalls.cuMemcpyAtoA_v2(array, 0, array, 500, 13) == 1)
                #expect(ClientCalls.cuMemcpyDtoA_v2(array, 0, 0x1000, 4) == 1)
                #expect(ClientCalls.cuMemcpyHtoA_v2(array, 0, nil, 4) == 1)
                #expect(ClientCalls.cuMemcpyHtoA_v2(array, -1, memory, 4) == 1)
                #expect(ClientCalls.cuCtxSynchronize() == 0)
                #expect(server.opcodes.filter { $0 == .cuMemcpy3D_v2 }.count == 1)
            }
        }

        @Test func `what a texture is, is known here`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let array = try Self.make((16, 8, 0))
                var resource = [UInt64](repeating: 0, count: 18)
                resource[1] = UInt64(UInt(bitPattern: array))
                let settings: [UInt64] = [1 << 32, 3 << 32, 2, 0, 0, 7, 8, 0, 0, 0, 0, 0, 0]
                var (texture, surface) = (CUtexObject(0), CUsurfObject(0))
                let made = Self.with(resource) { from in
                    Self.with(settings) { ClientCalls.cuTexObjectCreate(&texture, from, $0, nil) }
                }
                #expect(made == 0 && texture == 501)
                #expect(Self.with(resource) { ClientCalls.cuSurfObjectCreate(&surface, $0) } == 0)
                let before = Session.traffic.roundTrips
                var words = [UInt64](repeating: .max, count: 18)
                func read(_ call: (OpaquePointer?) -> Int32) -> Int32 {
                    words.withUnsafeMutableBytes { call($0.baseAddress.map { OpaquePointer($0) }) }
                }
                #expect(read { ClientCalls.cuTexObjectGetResourceDesc($0, texture) } == 0)
                #expect(words == resource)
                #expect(read { ClientCalls.cuTexObjectGetTextureDesc($0, texture) } == 0)
                #expect(Array(words[0..<13]) == settings)
                #expect(read { ClientCalls.cuTexObjectGetResourceViewDesc($0, texture) } == 1)
                #expect(read { ClientCalls.cuSurfObjectGetResourceDesc($0, texture) } == 1)
                #expect(read { ClientCalls.cuSurfObjectGetResourceDesc($0, surface) } == 0)
                #expect(ClientCalls.cuSurfObjectDestroy(texture) == 1)
                #expect(ClientCalls.cuTexObjectDestroy(texture) == 0)
                #expect(ClientCalls.cuTexObjectDestroy(texture) == 1)
                #expect(Session.traffic.roundTrips == before)
                #expect(ClientCalls.cuArrayDestroy(array) == 0)
                let gone = Self.with(resource) { ClientCalls.cuSurfObjectCreate(&surface, $0) }
                #expect(gone == 400)
            }
        }

        @Test func `everything goes with its context`() async throws {
            let server = try FakeServer()
            try await withSession(server) {
                let array = try Self.make((16, 8, 0))
                var resource = [UInt64](repeating: 0, count: 18)
                resource[1] = UInt64(UInt(bitPattern: array))
                var surface: CUsurfObject = 0
                #expect(Self.with(resource) { ClientCalls.cuSurfObjectCreate(&surface, $0) } == 0)
                #expect(ClientCalls.cuDevicePrimaryCtxReset_v2(0) == 0)
                var again: CUcontext?
                #expect(ClientCalls.cuDevicePrimaryCtxRetain(&again, 0) == 0)
                #expect(ClientCalls.cuArrayDestroy(array) == 400)
                #expect(ClientCalls.cuSurfObjectDestroy(surface) == 1)
            }
        }

        @Test func `objects of one value are told apart`() {
            let objects = TextureObjects()
            let keys = [
                TextureObject(5, context: 1, isSurface: false),
                TextureObject(5, context: 1, isSurface: true),
                TextureObject(5, context: 2, isSurface: false),
                TextureObject(4, context: 9, isSurface: true),
            ]
            for (index, key) in keys.enumerated() {
                objects.insert(key) {
                    $0.storeBytes(of: UInt64(index), as: UInt64.self)
                    return index == 2
                }
            }
            for index in 6..<400 {
                objects.insert(TextureObject(UInt64(index), context: 3, isSurface: false)) { _ in
                    false
                }
            }
            var word: UInt64 = 0
            for (index, key) in keys.enumerated() {
                #expect(objects.copy(key, TextureDescription.resource, 8, to: &word) == 0)
                #expect(word == UInt64(index))
                let view = objects.copy(key, TextureDescription.view, 8, to: &word)
                #expect(view == (index == 2 ? 0 : 1))
            }
            #expect(objects.remove(keys[1]) && !objects.remove(keys[1]))
            objects.removeAll(context: 1)
            #expect(!objects.remove(keys[0]) && objects.remove(keys[2]) && objects.remove(keys[3]))
        }
    }
}

import Driver
import Testing
import Transport
import Wire
import Worker

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension WorkerTests {
    /// Random records: the worker answers, or ends the connection with a text; it never crashes
    /// and never hangs.
    @Suite struct FuzzTests {
        private func randomValue(_ random: inout Random, _ known: [UInt64]) -> UInt64 {
            switch UInt8.random(in: 0..<10, using: &random) {
            case 0: 0
            case 1: .max
            case 2: UInt64.random(in: 0..<64, using: &random)
            case 3:
                TestHandle.make(
                    .random(in: 0..<6, using: &random),
                    .random(in: 0..<4, using: &random)
                )
            case 4: 1 << UInt64.random(in: 0..<64, using: &random)
            case 5: .random(in: 0...(.max), using: &random)
            default: known.randomElement(using: &random) ?? 1
            }
        }

        /// Bytes of the bodies that have one size.
        private static let sizes: [Opcode: Int] = [
            .cuMemAlloc_v2: 8, .cuMemAllocPitch_v2: 24, .cuMemFree_v2: 8, .cuMemcpyDtoH_v2: 24,
            .cuMemcpyDtoHAsync_v2: 24, .cuMemsetD8_v2: 24, .cuMemsetD32Async: 32,
            .cuMemcpyDtoD_v2: 24, .cuMemGetInfo_v2: 0, .cuStreamCreate: 16,
            .cuStreamDestroy_v2: 8, .cuStreamWaitEvent: 24, .cuStreamSynchronize: 8,
            .cuStreamQuery: 8, .cuEventCreate: 16, .cuEventDestroy_v2: 8, .cuEventRecord: 16,
            .cuEventQuery: 8, .cuEventSynchronize: 8, .cuEventElapsedTime: 16,
            .cuModuleUnload: 8, .cuLibraryUnload: 8, .cuLinkComplete: 8, .cuLinkDestroy: 8,
            .cuFuncSetAttribute: 16, .cuOccupancyMaxActiveBlocksPerMultiprocessor: 24,
            .cuLaunchKernel: 64, .cuLaunchCooperativeKernel: 64, .cuLaunchKernelEx: 64,
            .cuCtxCreate_v2: 16, .cuCtxDestroy_v2: 8, .cuDevicePrimaryCtxReset_v2: 8,
            .cuCtxEnablePeerAccess: 8, .cuCtxDisablePeerAccess: 8, .cuDeviceCanAccessPeer: 16,
            .cuDeviceGetP2PAttribute: 16, .cuIpcGetMemHandle: 8, .cuIpcOpenMemHandle_v2: 72,
            .cuIpcCloseMemHandle: 8, .cuIpcGetEventHandle: 8, .cuIpcOpenEventHandle: 72,
            .cuMemExportToShareableHandle: 16, .cuMemImportFromShareableHandle: 64,
            .cuCtxSynchronize_v2: 0, .cuCtxSynchronize: 0, .cuCtxGetLimit: 8, .cuCtxSetLimit: 16,
            .cuLibraryLoadData: 32, .cuModuleLoadDataEx: 32, .cuLinkCreate_v2: 32,
            .cuLinkAddData_v2: 32, .chunk: 32, .cuMemcpyHtoD_v2: 32, .cuMemcpyHtoDAsync_v2: 32,
            .cuModuleGetGlobal_v2: 24, .cuLibraryGetGlobal: 24, .cuLibraryGetManaged: 24,
            .cuArray3DCreate_v2: 48, .cuArrayDestroy: 8, .cuMemcpy3D_v2: 136,
            .cuMemcpy3DAsync_v2: 136, .cuMemcpyAtoA_v2: 40, .cuTexObjectCreate: 152,
            .cuTexObjectDestroy: 8, .cuSurfObjectCreate: 48, .cuSurfObjectDestroy: 8,
            .cuModuleGetTexRef: 32, .cuModuleGetSurfRef: 32, .cuTexRefSetAddress_v2: 24,
            .cuTexRefSetAddress2D_v3: 48, .cuTexRefSetBorderColor: 24, .cuTexRefGetBorderColor: 8,
            .cuSurfRefSetArray: 24, .cuTexRefSetFlags: 16, .cuDeviceGetTexture1DLinearMaxWidth: 16,
        ]

        /// A record whose body mostly fits its opcode and holds nonsense.
        private func randomRecord(
            _ client: TestClient,
            _ random: inout Random,
            _ known: [UInt64],
            assembled: inout UInt64
        ) -> [UInt8] {
            let opcodes = Self.sizes.keys.sorted { $0.rawValue < $1.rawValue }
            let opcode = opcodes.randomElement(using: &random) ?? .cuStreamQuery
            let size = Self.sizes[opcode] ?? 0
            var body: [UInt8] = []
            while body.count < size { body += bytes(randomValue(&random, known)) }
            if UInt8.random(in: 0..<100, using: &random) > 0 {
                fit(&body, opcode, &random, &assembled)
            }
            return client.encode(
                opcode.rawValue,
                body,
                wantsReply: .random(using: &random),
                context: [0, 1, 1, 1, 1, 2, 3, 70].randomElement(using: &random) ?? 1
            )
        }

        /// Makes the lengths in a body right.
        private func fit(
            _ body: inout [UInt8],
            _ opcode: Opcode,
            _ random: inout Random,
            _ assembled: inout UInt64
        ) {
            func set<T: FixedWidthInteger>(_ offset: Int, _ value: T) {
                body.replaceSubrange(offset..<offset + T.bitWidth / 8, with: littleEndian(value))
            }
            switch opcode {
            case .cuLaunchKernel, .cuLaunchCooperativeKernel, .cuLaunchKernelEx:
                set(4, UInt32(0))
                set(36, UInt32.random(in: 9...16, using: &random))
            case .chunk:
                set(0, assembled)
                set(8, UInt64(16))
                assembled += 16
            case .cuMemcpyHtoD_v2, .cuMemcpyHtoDAsync_v2:
                set(8, UInt64.random(in: 1...8, using: &random))
            case .cuLibraryLoadData, .cuModuleLoadDataEx, .cuLinkAddData_v2:
                set(8, assembled)
                set(24, UInt32(0))
                if opcode == .cuLinkAddData_v2 { set(20, UInt32(0)) }
                assembled = 0
            case .cuLinkCreate_v2: set(24, UInt32(0))
            case .cuModuleGetGlobal_v2, .cuLibraryGetGlobal, .cuLibraryGetManaged:
                set(8, UInt32(8))
            case .cuModuleGetTexRef, .cuModuleGetSurfRef: set(16, UInt32(8))
            case .cuMemcpy3D_v2, .cuMemcpy3DAsync_v2:
                let sides: [(UInt32, UInt32)] = [(2, 1), (3, 1), (3, 3), (2, 3), (2, 2)]
                let (from, to) = sides.randomElement(using: &random) ?? (3, 1)
                set(0, from)
                set(4, to)
                for offset in [16, 24, 32] {
                    set(offset, UInt64.random(in: 1...40, using: &random))
                }
            case .cuArray3DCreate_v2:
                for offset in [8, 16, 24] { set(offset, UInt64.random(in: 0...20, using: &random)) }
                set(32, Int32(0x20))
                set(36, UInt32(1))
            default: break
            }
        }

        @Test(arguments: 0..<300)
        func randomRecords(seed: UInt64) throws {
            var random = Random(state: seed)
            let client = try TestClient()
            let functions = try client.load()
            let address = try client.allocate(4096)
            let known =
                [
                    address, address + 16, TestHandle.image(0), TestHandle.stream(1),
                    TestHandle.array(0), TestHandle.array(1), TestHandle.reference(0), 77,
                ]
                + functions.values.map(UInt64.init)
            var assembled: UInt64 = 0
            for _ in 0..<200 {
                let record = randomRecord(client, &random, known, assembled: &assembled)
                guard (try? client.send(raw: record)) != nil else { break }
                // A kernel that blocks would hold the test up, not the worker.
                FakeDriver.shared.releaseAll()
            }
            while (try? client.receive(timeout: 5)) != nil {}
            client.socket.shutDown()
            let status = client.waitForExit()
            #expect(status == .clientClosed || status == .protocolViolation)
        }

        @Test(arguments: 0..<200)
        func corruptedBytes(seed: UInt64) throws {
            var random = Random(state: seed &+ 1_000_000)
            let client = try TestClient()
            var stream: [UInt8] = []
            for index in UInt64(0)..<20 {
                stream += client.encode(
                    Opcode.cuStreamCreate.rawValue,
                    bytes(TestHandle.stream(index), UInt32(0))
                )
                stream += client.encode(
                    Opcode.cuStreamQuery.rawValue,
                    bytes(TestHandle.stream(index)),
                    wantsReply: true
                )
            }
            for _ in 0..<3 {
                let position = Int.random(in: 0..<stream.count, using: &random)
                stream[position] = .random(in: 0...255, using: &random)
            }
            try? client.send(raw: stream)
            while (try? client.receive(timeout: 5)) != nil {}
            client.socket.shutDown()
            let status = client.waitForExit()
            #expect(status == .clientClosed || status == .protocolViolation)
        }
    }
}

import Driver
import Testing
import Wire

extension WorkerTests {
    @Suite struct ImageTests {
        @Test(arguments: [Opcode.cuLibraryLoadData, .cuModuleLoadDataEx])
        func aLoadTellsEverythingAboutTheKernels(opcode: Opcode) throws {
            let client = try TestClient()
            let image = Array("//image\n.version 8.0\0".utf8)
            try client.sendImage(image, piece: 5)
            let options: [(Int32, UInt64)] = [(7, 3)]
            let body = client.loadBody(
                TestHandle.image(9),
                image.count,
                logs: 100,
                options: options
            )
            let reply = try client.call(opcode, body)
            #expect(reply.status == 0)
            let load = LoadReply(reply)
            #expect(load.information == "compiled")
            #expect(Set(load.kernels.keys) == Set(FakeDriver.kernels.map(\.name)))
            let odd = try #require(load.kernels["odd"])
            #expect(odd.parameters.map(\.offset) == [0, 8, 16])
            #expect(odd.parameters.map(\.size) == [1, 8, 2])
            let isLibrary = opcode == .cuLibraryLoadData
            let expected = (0..<16).map { (attribute: Int32) -> Int32 in
                if !isLibrary { return attribute + 200 }
                return attribute < 10 ? attribute + 100 : 0
            }
            #expect(odd.attributes == expected)
            #expect(FakeDriver.shared.locked { FakeDriver.shared.optionsSeen } == [7, 3, 4, 5, 6])
            client.close()
        }

        @Test func aFailedLoadBringsItsLog() throws {
            let client = try TestClient()
            let image = Array("//bad ptx\0".utf8)
            try client.sendImage(image)
            let body = client.loadBody(TestHandle.image(1), image.count, logs: 100)
            let reply = try client.call(.cuLibraryLoadData, body)
            #expect(reply.status == Status.invalidPTX)
            #expect(LoadReply(reply).information == "compiled")
            #expect(LoadReply(reply).kernels.isEmpty)
            // The handle is still free, and the next image starts anew.
            _ = try client.load(handle: TestHandle.image(1))
            client.close()
        }

        @Test func optionsWithPointersAreRefused() throws {
            let client = try TestClient()
            for option in [Int32(3), 5, 17, 18, 25, 27, 99, -1] {
                let image = Array("//image\0".utf8)
                try client.sendImage(image)
                let body = client.loadBody(
                    TestHandle.image(2),
                    image.count,
                    options: [(option, 0x1234)]
                )
                let reply = try client.call(.cuModuleLoadDataEx, body)
                #expect(reply.status == Status.invalidValue)
            }
            #expect(FakeDriver.shared.locked { FakeDriver.shared.optionsSeen }.isEmpty)
            client.close()
        }

        /// Images that would lead the driver out of bounds, or to an address.
        private static let brokenImages: [[UInt8]] = [
            [0xB1, 0x43, 0x62, 0x46, 1, 0, 0, 0, 0x10, 0x20, 0, 0, 0, 0, 0, 0],
            [0x50, 0xED, 0x55, 0xBA, 1, 0, 16, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0],
            [0x50, 0xED, 0x55, 0xBA, 9, 0, 16, 0],
            [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0],
            [0xFF, 0xFE, 0, 0, 0, 0, 0, 0],
        ]

        @Test(arguments: brokenImages)
        func brokenImagesNeverReachTheDriver(image: [UInt8]) throws {
            let client = try TestClient()
            try client.sendImage(image)
            let body = client.loadBody(TestHandle.image(2), image.count)
            let reply = try client.call(.cuLibraryLoadData, body)
            #expect(reply.status == Status.invalidImage)
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            #expect(!calls.contains("cuLibraryLoadData"))
            client.close()
        }

        @Test func linkedImagesArePutTogether() throws {
            let client = try TestClient()
            let part = Array("//part\0\0".utf8)
            let header = bytes(UInt32(2), UInt32(0), UInt64(part.count), UInt64(part.count))
            func load(_ image: [UInt8], _ index: UInt64) throws -> Int32 {
                try client.sendImage(image)
                var body = client.loadBody(TestHandle.image(index), image.count)
                body.replaceSubrange(28..<32, with: bytes(ImageKind.linked.rawValue))
                return try client.call(.cuLibraryLoadData, body).status
            }
            #expect(try load(header + part + part, 0) == 0)
            // Sizes and counts that do not fit.
            #expect(try load(header + part, 1) == Status.invalidImage)
            #expect(try load(Array(header.prefix(16)), 1) == Status.invalidImage)
            #expect(try load([9, 0, 0], 1) == Status.invalidImage)
            let many = bytes(UInt32.max, UInt32(0)) + part
            #expect(try load(many, 1) == Status.invalidImage)
            let none = bytes(UInt32(0), UInt32(0)) + part
            #expect(try load(none, 1) == Status.invalidImage)
            let huge = bytes(UInt32(1), UInt32(0), UInt64.max) + part
            #expect(try load(huge, 1) == Status.invalidImage)
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            #expect(calls.filter { $0 == "cuLibraryLoadData" }.count == 1)
            client.close()
        }

        @Test func globalsAreFoundAndCanBeCopiedTo() throws {
            let client = try TestClient()
            _ = try client.load()
            let body = bytes(TestHandle.image(0), UInt32(7), UInt32(0)) + Array("counter".utf8)
            let reply = try client.call(.cuModuleGetGlobal_v2, body)
            #expect(reply.status == 0)
            #expect(reply.load(16, as: UInt64.self) == 64)
            let address = reply.load(8, as: UInt64.self)
            let upload = client.uploadBody(address, [1, 2, 3, 4])
            #expect(try client.call(.cuMemcpyHtoD_v2, upload).status == 0)
            // It is no allocation of the program's, and goes with its image.
            #expect(try client.call(.cuMemFree_v2, bytes(address)).status == Status.invalidValue)
            #expect(try client.call(.cuLibraryUnload, bytes(TestHandle.image(0))).status == 0)
            #expect(try client.call(.cuMemcpyHtoD_v2, upload).status == Status.invalidValue)
            let unknown = bytes(TestHandle.image(0), UInt32(1), UInt32(0)) + [65]
            #expect(
                try client.call(.cuModuleGetGlobal_v2, unknown).status == Status.invalidHandle
            )
            client.close()
        }

        @Test func theLinkerLinks() throws {
            let client = try TestClient()
            let link = TestHandle.link(1)
            let create = bytes(link, UInt64(0), UInt32(64), UInt32(0), UInt32(0), UInt32(0))
            #expect(try client.call(.cuLinkCreate_v2, create).status == 0)
            let input = Array("//ptx".utf8)
            try client.sendImage(input)
            let add =
                bytes(link, UInt64(input.count), Int32(1), UInt32(5), UInt32(0), UInt32(0))
                + Array("a.ptx".utf8)
            #expect(try client.call(.cuLinkAddData_v2, add).status == 0)
            let reply = try client.call(.cuLinkComplete, bytes(link))
            #expect(reply.status == 0)
            #expect(reply.load(8, as: UInt32.self) == 6)
            #expect(reply.load(16, as: UInt64.self) == 1000)
            let image = Array(reply.body[32..<1032])
            #expect(Array(reply.body[24..<30]) == Array("linked".utf8))
            #expect(image == [UInt8](repeating: 7, count: 1000))
            #expect(try client.call(.cuLinkDestroy, bytes(link)).status == 0)
            #expect(try client.call(.cuLinkComplete, bytes(link)).status == Status.invalidHandle)
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            #expect(calls.contains("cuLinkAddData 1 6 a.ptx"))
            client.close()
        }

        @Test func launchAttributesThatMayHoldPointersAreRefused() throws {
            let client = try TestClient()
            let functions = try client.load()
            let block = try #require(functions["fault"])
            let event = TestHandle.event(1)
            try client.send(.cuEventCreate, bytes(event, UInt32(0)))
            func launch(_ attribute: Int32, _ value: UInt64) throws -> Int32 {
                var body = client.launchBody(block, [])
                body[4] = 1
                body += bytes(attribute, UInt32(0), value) + [UInt8](repeating: 0, count: 56)
                return try client.call(.cuLaunchKernelEx, body).status
            }
            #expect(try launch(4, 1) == 0)
            FakeDriver.shared.locked { FakeDriver.shared.sticky = 0 }
            #expect(try launch(13, 1) == Status.notSupported)
            #expect(try launch(77, 1) == Status.notSupported)
            #expect(try launch(1, 0x1234) == Status.invalidValue)
            #expect(try launch(7, 0x1234) == Status.invalidHandle)
            #expect(try launch(7, event) == 0)
            let calls = FakeDriver.shared.locked { FakeDriver.shared.calls }
            let seen = calls.filter { $0.hasPrefix("attribute") }
            #expect(seen == ["attribute 4", "attribute 7"])
            client.close()
        }
    }
}

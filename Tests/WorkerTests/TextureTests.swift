import Driver
import Testing
import Wire
import Worker

extension WorkerTests {
    @Suite struct TextureTests {
        private let array = TestHandle.array(0)

        private func resource(
            _ kind: UInt32,
            _ place: UInt64,
            bytes count: UInt64 = 0,
            rows: UInt64 = 0,
            pitch: UInt64 = 0
        ) -> [UInt8] {
            bytes(kind, UInt32(0), place, Int32(0x20), UInt32(1), count, rows, pitch)
        }

        private func texture(_ resource: [UInt8], filter: Int32 = 1, view: UInt32 = 0) -> [UInt8] {
            var body = resource + [UInt8](repeating: 0, count: 104)
            body.replaceSubrange(60..<64, with: littleEndian(filter))
            body.replaceSubrange(104..<108, with: littleEndian(view))
            return body
        }

        private var calls: [String] { FakeDriver.shared.locked { FakeDriver.shared.calls } }

        private func client() throws -> TestClient {
            let client = try TestClient()
            let create = bytes(array, 8, 8, 0, Int32(0x20), UInt32(1), UInt64(0))
            #expect(try client.call(.cuArray3DCreate_v2, create).status == 0)
            return client
        }

        @Test func objectsOfEveryKind() throws {
            let client = try client()
            let address = try client.allocate(1024)
            for (body, call) in [
                (texture(resource(0, array)), "texture 0 1 -"),
                (texture(resource(2, address, bytes: 1024)), "texture 2 1 -"),
                // More than there is memory.
                (texture(resource(2, address, bytes: 1025)), "texture 2 1 -"),
                (
                    texture(resource(3, address, bytes: 16, rows: 8, pitch: 128), view: 1),
                    "texture 3 1 view"
                ),
            ] {
                let reply = try client.call(.cuTexObjectCreate, body)
                #expect(reply.status == 0 && reply.load(8, as: UInt64.self) == 77)
                #expect(calls.last == call)
            }
            let surface = try client.call(.cuSurfObjectCreate, resource(0, array))
            #expect(surface.status == 0 && surface.load(8, as: UInt64.self) == 77)
            // The texture of the same value goes on.
            #expect(try client.call(.cuSurfObjectDestroy, bytes(UInt64(77))).status == 0)
            #expect(try client.call(.cuTexObjectDestroy, bytes(UInt64(77))).status == 0)
            #expect(calls.suffix(2) == ["destroySurface 77", "destroyTexture 77"])
            client.close()
        }

        /// Neither a value that the driver did not give, nor an address that is not the GPU's, gets to it.
        @Test func whatNamesNothing() throws {
            let client = try client()
            let address = try client.allocate(1024)
            for (body, status) in [
                (resource(0, TestHandle.array(1)), Status.invalidHandle),
                (resource(0, TestHandle.stream(0)), Status.invalidHandle),
                (resource(1, array), Status.notSupported),
                (resource(4, array), Status.invalidValue),
                (resource(2, 0x7000, bytes: 64), Status.invalidValue),
                (resource(2, address + 1, bytes: .max), Status.invalidValue),
                (resource(3, address, bytes: 16, rows: 10, pitch: 128), Status.invalidValue),
                (resource(3, address, bytes: 16, rows: .max, pitch: .max), Status.invalidValue),
            ] {
                #expect(try client.call(.cuTexObjectCreate, texture(body)).status == status)
                #expect(try client.call(.cuSurfObjectCreate, body).status == status)
            }
            for value in [UInt64(0), 77, .max] {
                let gone = Status.invalidValue
                #expect(try client.call(.cuTexObjectDestroy, bytes(value)).status == gone)
                #expect(try client.call(.cuSurfObjectDestroy, bytes(value)).status == gone)
            }
            #expect(!calls.contains { $0.hasPrefix("texture") || $0.hasPrefix("destroyT") })
            let width = bytes(Int32(0x20), UInt32(4), Int32(1), UInt32(0))
            let reply = try client.call(.cuDeviceGetTexture1DLinearMaxWidth, width, context: 0)
            #expect(reply.status == 0 && reply.load(8, as: UInt64.self) == 32_041)
            let nowhere = bytes(Int32(0x20), UInt32(4), Int32(2), UInt32(0))
            let wrong = try client.call(.cuDeviceGetTexture1DLinearMaxWidth, nowhere, context: 0)
            #expect(wrong.status == Status.invalidDevice)
            client.close()
        }

        @Test func objectsBelongToTheirContext() throws {
            let client = try client()
            let body = texture(resource(0, array))
            #expect(try client.call(.cuTexObjectCreate, body).status == 0)
            #expect(try client.call(.cuTexObjectCreate, body, context: 2).status == 0)
            let value = bytes(UInt64(77))
            #expect(try client.call(.cuTexObjectDestroy, value, context: 2).status == 0)
            let again = try client.call(.cuTexObjectDestroy, value, context: 2)
            #expect(again.status == Status.invalidValue)
            let reset = bytes(Int32(0), UInt32(0))
            #expect(try client.call(.cuDevicePrimaryCtxReset_v2, reset, context: 0).status == 0)
            #expect(try client.call(.cuTexObjectDestroy, value).status == Status.invalidValue)
            client.close()
        }

        // MARK: - References

        private func name(_ image: UInt64, _ reference: UInt64, _ name: String) -> [UInt8] {
            bytes(image, reference, UInt32(name.utf8.count), UInt32(0)) + Array(name.utf8)
        }

        @Test(arguments: [Opcode.cuLibraryLoadData, .cuModuleLoadDataEx])
        func referencesGoWithTheirModule(_ load: Opcode) throws {
            let client = try client()
            _ = try client.load(load)
            let image = TestHandle.image(0)
            let (texture, surface) = (TestHandle.reference(0), TestHandle.reference(1))
            func find(_ opcode: Opcode, _ body: [UInt8]) throws -> Int32 {
                try client.call(opcode, body).status
            }
            #expect(try find(.cuModuleGetTexRef, name(image, texture, "image")) == 0)
            #expect(try find(.cuModuleGetSurfRef, name(image, surface, "image")) == 0)
            let third = TestHandle.reference(2)
            #expect(try find(.cuModuleGetTexRef, name(image, third, "none")) == Status.notFound)
            for body in [
                name(image, texture, "image"), name(image, array, "image"),
                name(TestHandle.image(5), third, "image"),
            ] {
                #expect(try find(.cuModuleGetTexRef, body) == Status.invalidHandle)
            }
            let flags = bytes(texture, UInt64(2))
            #expect(try client.call(.cuTexRefSetFlags, flags).status == 0)
            // A surface reference is no texture reference.
            let other = bytes(surface, UInt64(2))
            #expect(try client.call(.cuTexRefSetFlags, other).status == Status.invalidHandle)
            let bind = bytes(surface, array, UInt64(0))
            #expect(try client.call(.cuSurfRefSetArray, bind).status == 0)
            let unload: Opcode = load == .cuLibraryLoadData ? .cuLibraryUnload : .cuModuleUnload
            #expect(try client.call(unload, bytes(image)).status == 0)
            #expect(try client.call(.cuTexRefSetFlags, flags).status == Status.invalidHandle)
            #expect(try client.call(.cuSurfRefSetArray, bind).status == Status.invalidHandle)
            client.close()
        }

        /// A library outlives its module in a context, and the references of it.
        @Test func referencesGoWithTheirContext() throws {
            let client = try client()
            _ = try client.load()
            let reference = TestHandle.reference(0)
            let find = name(TestHandle.image(0), reference, "image")
            #expect(try client.call(.cuModuleGetTexRef, find).status == 0)
            let reset = bytes(Int32(0), UInt32(0))
            #expect(try client.call(.cuDevicePrimaryCtxReset_v2, reset, context: 0).status == 0)
            let flags = bytes(reference, UInt64(2))
            #expect(try client.call(.cuTexRefSetFlags, flags).status == Status.invalidHandle)
            #expect(try client.call(.cuModuleGetTexRef, find).status == 0)
            client.close()
        }

        @Test func whatAReferenceIsBoundTo() throws {
            let client = try client()
            _ = try client.load()
            let reference = TestHandle.reference(0)
            let find = name(TestHandle.image(0), reference, "image")
            #expect(try client.call(.cuModuleGetTexRef, find).status == 0)
            let address = try client.allocate(1024)
            for (bytesBound, status) in [
                (UInt64(1024), Status.success), (1025, Status.invalidValue),
                (.max, Status.invalidValue),
            ] {
                let body = bytes(reference, address, bytesBound)
                #expect(try client.call(.cuTexRefSetAddress_v2, body).status == status)
            }
            for (pitch, rows, status) in [
                (UInt64(128), UInt64(8), Status.success), (128, 10, Status.invalidValue),
                (.max, 8, Status.invalidValue), (128, .max, Status.invalidValue),
            ] {
                let body = bytes(reference, address, pitch, UInt64(8), rows, Int32(0x20), UInt32(1))
                #expect(try client.call(.cuTexRefSetAddress2D_v3, body).status == status)
            }
            var border = bytes(reference)
            for k in 0..<4 { border += littleEndian(Float(k * 2).bitPattern) }
            #expect(try client.call(.cuTexRefSetBorderColor, border).status == 0)
            #expect(calls.last == "border 6.0")
            let found = try client.call(.cuTexRefGetBorderColor, bytes(reference))
            #expect(found.load(20, as: Float.self) == 3)
            client.close()
        }
    }
}

import CUDAABI
import Foundation
import Worker

private var fake: FakeDriver { .shared }

/// A CUDA array: its bytes, row after row.
final class FakeArray {
    let width: Int
    let height: Int
    let depth: Int
    var bytes: [UInt8]

    init(width: Int, height: Int, depth: Int) {
        self.width = width
        self.height = max(height, 1)
        self.depth = max(depth, 1)
        bytes = [UInt8](repeating: 0xCD, count: width * self.height * self.depth)
    }
}

/// One side of a `CUDA_MEMCPY3D`.
private struct FakeSide {
    let start: UnsafeRawPointer

    func word(_ index: Int) -> Int { start.load(fromByteOffset: index * 8, as: Int.self) }
    var kind: Int32 { start.load(fromByteOffset: 32, as: Int32.self) }
    var array: FakeArray? {
        fake.object(start.load(fromByteOffset: 56, as: OpaquePointer?.self), FakeArray.self)
    }

    /// Where a row of the box begins, in the host's memory, the GPU's, or the array's bytes.
    func offset(_ row: Int, _ slice: Int) -> Int {
        let (x, y, z) = (word(0), word(1) + row, word(2) + slice)
        if let array, kind == 3 { return (z * array.height + y) * array.width + x }
        return (z * word(10) + y) * word(9) + x
    }

    func fits(_ width: Int, _ height: Int, _ depth: Int) -> Bool {
        guard kind == 3 else { return true }
        guard let array else { return false }
        return word(0) + width <= array.width && word(1) + height <= array.height
            && word(2) + depth <= array.depth
    }

    func load(_ row: Int, _ slice: Int, _ count: Int) -> [UInt8]? {
        let offset = offset(row, slice)
        switch kind {
        case 1:
            let base = UnsafeRawPointer(bitPattern: word(5))
            return base.map { Array(UnsafeRawBufferPointer(start: $0 + offset, count: count)) }
        case 2: return fake.load(UInt64(word(6) + offset), count)
        default: return array.map { Array($0.bytes[offset..<offset + count]) }
        }
    }

    func store(_ bytes: [UInt8], _ row: Int, _ slice: Int) -> Int32 {
        let offset = offset(row, slice)
        switch kind {
        case 1:
            let base = UnsafeMutableRawPointer(bitPattern: word(5))
            base.map { _ = memcpy($0 + offset, bytes, bytes.count) }
            return 0
        case 2: return fake.store(bytes, at: UInt64(word(6) + offset))
        default:
            array?.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            return 0
        }
    }
}

extension FakeDriver {
    /// Whether a box lies within its arrays.
    private static func fits(_ description: UnsafeRawPointer) -> Bool {
        let (from, to) = (FakeSide(start: description), FakeSide(start: description + 88))
        let (width, height, depth) = (from.word(22), from.word(23), from.word(24))
        return from.fits(width, height, depth) && to.fits(width, height, depth)
    }

    /// Does what a `CUDA_MEMCPY3D` says. The lock is held.
    private static func copy(_ description: UnsafeRawPointer) -> Int32 {
        guard fits(description) else { return 1 }
        let (from, to) = (FakeSide(start: description), FakeSide(start: description + 88))
        let (width, height, depth) = (from.word(22), from.word(23), from.word(24))
        for slice in 0..<depth {
            for row in 0..<height {
                guard let bytes = from.load(row, slice, width) else { return 1 }
                let status = to.store(bytes, row, slice)
                if status != 0 { return status }
            }
        }
        return 0
    }

    static func addTextures(_ table: inout DriverTable) {
        table.cuArray3DCreate_v2 = { array, description in
            fake.note("array") {
                guard let description else { return 1 }
                let from = UnsafeRawPointer(description)
                func word(_ index: Int) -> Int {
                    from.load(fromByteOffset: index * 8, as: Int.self)
                }
                // Formats of four bytes only.
                guard from.load(fromByteOffset: 24, as: Int32.self) == 0x20 else { return 1 }
                let channels = Int(from.load(fromByteOffset: 28, as: UInt32.self))
                let made = FakeArray(width: word(0) * 4 * channels, height: word(1), depth: word(2))
                array?.pointee = fake.makeObject(made)
                return 0
            }
        }
        table.cuArrayDestroy = { array in
            fake.note("destroyArray") {
                fake.objects.removeValue(forKey: UInt(bitPattern: array)) == nil ? 400 : 0
            }
        }
        table.cuMemcpy3D_v2 = { description in
            fake.wait { !fake.isAnyBusy }
            return fake.note("box") {
                description.map { FakeDriver.copy(UnsafeRawPointer($0)) } ?? 1
            }
        }
        table.cuMemcpy3DAsync_v2 = { description, stream in
            fake.note("boxAsync") {
                guard let description else { return 1 }
                let from = UnsafeRawPointer(description)
                guard FakeDriver.fits(from) else { return 1 }
                let words = (0..<25).map { from.load(fromByteOffset: $0 * 8, as: UInt64.self) }
                fake.stream(stream)?.enqueue {
                    words.withUnsafeBytes { _ = $0.baseAddress.map { FakeDriver.copy($0) } }
                }
                return 0
            }
        }
        table.cuMemcpyAtoA_v2 = { _, _, _, _, bytes in fake.note("arrays \(bytes)") { 0 } }
        addObjects(&table)
        addReferences(&table)
    }

    /// Objects whose values are the same in every context: 77, 78, …
    private static func addObjects(_ table: inout DriverTable) {
        table.cuTexObjectCreate = { object, resource, settings, view in
            let from = resource.map { UnsafeRawPointer($0) }
            let kind = from?.load(as: UInt32.self) ?? 9
            let how = settings.map { UnsafeRawPointer($0) }
            let filter = how?.load(fromByteOffset: 12, as: Int32.self) ?? 9
            return fake.note("texture \(kind) \(filter) \(view == nil ? "-" : "view")") {
                object?.pointee = fake.nextTexture
                return 0
            }
        }
        table.cuSurfObjectCreate = { object, _ in
            fake.note("surface") {
                object?.pointee = fake.nextTexture
                return 0
            }
        }
        table.cuTexObjectDestroy = { object in fake.note("destroyTexture \(object)") { 0 } }
        table.cuSurfObjectDestroy = { object in fake.note("destroySurface \(object)") { 0 } }
        table.cuDeviceGetTexture1DLinearMaxWidth = { width, format, channels, device in
            width?.pointee = Int(format) * 1000 + Int(channels) * 10 + Int(device)
            return 0
        }
    }

    private static func addReferences(_ table: inout DriverTable) {
        table.cuModuleGetTexRef = { reference, _, name in
            fake.note("texref") {
                guard let name, String(cString: name) == "image" else { return 500 }
                reference?.pointee = fake.makeObject(FakeEvent())
                return 0
            }
        }
        table.cuModuleGetSurfRef = table.cuModuleGetTexRef
        table.cuLibraryGetModule = { module, library in
            module?.pointee = library
            return 0
        }
        table.cuTexRefSetFlags = { _, flags in fake.note("flags \(flags)") { 0 } }
        table.cuTexRefSetAddress_v2 = { offset, _, _, bytes in
            offset?.pointee = 0
            return fake.note("bind \(bytes)") { 0 }
        }
        table.cuTexRefSetAddress2D_v3 = { _, _, _, pitch in fake.note("bind2D \(pitch)") { 0 } }
        table.cuTexRefSetBorderColor = { _, color in fake.note("border \(color?[3] ?? 0)") { 0 } }
        table.cuTexRefGetBorderColor = { color, _ in
            for k in 0..<4 { color?[k] = Float(k) }
            return 0
        }
        table.cuSurfRefSetArray = { _, _, _ in fake.note("surfaceArray") { 0 } }
    }
}

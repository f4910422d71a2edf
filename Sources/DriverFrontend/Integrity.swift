internal import CLinux
internal import CUDAABI

/// The answer to the CUDA runtime's integrity check (facts/cuda-driver.md §4; docs/legal.md).
///
/// It ties values together that other entry points return as well: version, process, thread,
/// addresses of the tables, and each device's UUID and PCI address.
enum Integrity {
    /// The two words to return, as they lie in memory.
    static func answer(version: UInt32, unixSeconds: UInt64) -> (UInt64, UInt64) {
        switch version % 10 {
        case 0: return (0x3341_181C_03CB_675C, 0x8ED3_83AA_1F4C_D1E8)
        case 1: return (0x1841_181C_03CB_675C, 0x8ED3_83AA_1F4C_D1E8)
        default: break
        }
        guard let host = ExportTables.host else { return (0, 0) }
        let digest = MD2.authenticate(key: key) { hash in
            hash.add(UInt32(bitPattern: host.driverVersion()))
            hash.add(version)
            hash.add(UInt32(bitPattern: getpid()))
            hash.add(UInt32(truncatingIfNeeded: UInt64(ferry_pthread_self())))
            hash.add(UInt64(UInt(bitPattern: Tables.shared.runtime)))
            hash.add(UInt64(UInt(bitPattern: Tables.shared.integrity)))
            hash.add(Tables.shared.integrity.load(fromByteOffset: 8, as: UInt64.self))
            hash.add(unixSeconds)
            for device in 0..<host.deviceCount() {
                withUnsafeBytes(of: host.uuid(device)) { bytes in
                    for byte in bytes { hash.add(byte) }
                }
                let (domain, bus, number) = host.pciAddress(device)
                hash.add(UInt32(bitPattern: domain))
                hash.add(UInt32(bitPattern: bus))
                hash.add(UInt32(bitPattern: number))
            }
        }
        return (word(digest, 0), word(digest, 8))
    }

    private static let key: InlineArray<16, UInt8> = [
        0x14, 0x6A, 0xDD, 0xAE, 0x53, 0xA9, 0xA7, 0x52,
        0xAA, 0x08, 0x41, 0x36, 0x0B, 0xF5, 0x5A, 0x9F,
    ]

    private static func word(_ digest: InlineArray<16, UInt8>, _ start: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(digest[start + index]) << UInt64(8 * index) }
        return value
    }
}

extension MD2 {
    /// Adds an integer, least significant byte first.
    mutating func add(_ value: UInt32) {
        for shift in 0..<4 { add(UInt8(truncatingIfNeeded: value >> UInt32(8 * shift))) }
    }

    /// Adds an integer, least significant byte first.
    mutating func add(_ value: UInt64) {
        for shift in 0..<8 { add(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
    }
}

import CLinux
import CUDAABI
import DriverFrontend
import Foundation
import Testing

typealias Thread = Foundation.Thread

/// 16 bytes from 32 hexadecimal digits.
func uuid(_ digits: String) -> CUuuid {
    var result = CUuuid()
    let characters = Array(digits)
    withUnsafeMutableBytes(of: &result) { bytes in
        for index in 0..<16 {
            bytes[index] = UInt8(String(characters[(2 * index)..<(2 * index + 2)]), radix: 16) ?? 0
        }
    }
    return result
}

/// Slot 1 of the integrity table, and the addresses that go into its answer.
struct IntegrityCheck: Sendable {
    typealias Function = @convention(c) (UInt32, UInt64, UnsafeMutablePointer<UInt64>?) -> Int32

    var function: Function
    var runtimeTable: UInt64
    var table: UInt64

    func ask(_ version: UInt32, time: UInt64 = 1_700_000_000) -> [UInt64] {
        var answer: [UInt64] = [0, 0]
        #expect(function(version, time, &answer) == 0)
        return answer
    }
}

func integrity() throws -> IntegrityCheck {
    let runtime = try #require(
        ExportTables.table(for: uuid("6bd5fb6c5bf4e74a8987d93912fd9df9"))
    )
    let table = try #require(ExportTables.table(for: uuid("d4082055bde6704b8d34ba123c66e1f2")))
    return IntegrityCheck(
        function: table.load(fromByteOffset: 8, as: IntegrityCheck.Function.self),
        runtimeTable: UInt64(UInt(bitPattern: runtime)),
        table: UInt64(UInt(bitPattern: table))
    )
}

/// A host with values that tests change. One test a process.
enum HostValues {
    nonisolated(unsafe) static var version: Int32 = 13_000
    nonisolated(unsafe) static var devices: Int32 = 2
    nonisolated(unsafe) static var uuidByte: UInt8 = 7
    nonisolated(unsafe) static var pci: (Int32, Int32, Int32) = (1, 2, 3)

    private static func identity(_ device: Int32) -> [UInt8] {
        (0..<16).map { uuidByte &+ UInt8(device) &+ $0 }
    }

    static func install() {
        ExportTables.install(
            ExportTableHost(
                driverVersion: { version },
                deviceCount: { devices },
                uuid: { device in
                    var result = CUuuid()
                    withUnsafeMutableBytes(of: &result) { $0.copyBytes(from: identity(device)) }
                    return result
                },
                pciAddress: { ($0 + pci.0, pci.1, pci.2) },
                primaryContext: { $0 < devices ? UInt64(0x1000 + $0) : 0 },
                contextID: { $0 >= 0x1000 ? $0 + 0x1000 : 0 },
                contextDevice: { $0 >= 0x1000 ? Int32($0 - 0x1000) : -1 },
                loadModule: { _, _ in 209 },
                function: { _, _ in nil }
            )
        )
    }

    /// The third answer, put together as facts/cuda-driver.md §4 says.
    static func expected(_ versionArgument: UInt32, _ check: IntegrityCheck) -> [UInt64] {
        var record: [UInt8] = []
        func add<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { record += Array($0) }
        }
        add(version)
        add(versionArgument)
        add(getpid())
        add(UInt32(truncatingIfNeeded: UInt(pthread_self())))
        add(check.runtimeTable)
        add(check.table)
        add(UInt64(UInt(bitPattern: unsafeBitCast(check.function, to: UnsafeRawPointer.self))))
        add(UInt64(1_700_000_000))
        for device in 0..<devices {
            record += identity(device)
            add(device + pci.0)
            add(pci.1)
            add(pci.2)
        }
        #expect(record.count == 48 + 28 * Int(devices))
        let key: InlineArray<16, UInt8> = [
            0x14, 0x6A, 0xDD, 0xAE, 0x53, 0xA9, 0xA7, 0x52,
            0xAA, 0x08, 0x41, 0x36, 0x0B, 0xF5, 0x5A, 0x9F,
        ]
        let digest = MD2.authenticate(key: key) { hash in for byte in record { hash.add(byte) } }
        return [0, 8].map { start in
            (0..<8).reduce(0) { $0 | UInt64(digest[start + $1]) << UInt64(8 * $1) }
        }
    }
}

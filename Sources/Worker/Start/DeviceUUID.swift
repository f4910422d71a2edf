internal import CUDAABI
internal import Driver

/// The 16 bytes that name a GPU in the whole world.
package struct DeviceUUID: Equatable, Sendable {
    /// The bytes, in the order of `cuDeviceGetUuid`.
    package var bytes: [UInt8]

    /// Whether it is one of Ferry's software GPUs.
    package var isSoftware: Bool {
        bytes.count == 16 && (0..<15).allSatisfy { bytes[$0] == SoftwareGPU.uuidPrefix[$0] }
    }

    /// Reads `GPU-` or `MIG-` and 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12; the
    /// prefix may be left out.
    package init?(_ text: String) {
        var digits = Array(text.utf8)
        if text.hasPrefix("GPU-") || text.hasPrefix("MIG-") { digits.removeFirst(4) }
        guard digits.count == 36 else { return nil }
        bytes = []
        var index = 0
        while index < 36 {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard digits[index] == UInt8(ascii: "-") else { return nil }
                index += 1
                continue
            }
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
            index += 2
        }
    }

    init(_ uuid: CUuuid) {
        bytes = withUnsafeBytes(of: uuid) { Array($0) }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 48...57: digit - 48
        case 65...70: digit - 55
        case 97...102: digit - 87
        default: nil
        }
    }

    /// As NVIDIA's tools write it: `GPU-` and lower-case digits.
    package var text: String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("GPU-".utf8)
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

package import CUDAABI

/// What tells Ferry's software GPUs from NVIDIA's.
package enum SoftwareGPU {
    /// Their UUIDs begin with these bytes; the last one is their number (Sources/SoftDevice).
    package static let uuidPrefix: InlineArray<15, UInt8> = [
        0xFE, 0x44, 0x59, 0x50, 0x50, 0x55, 0x80, 0x01, 0x9A, 0x5C, 0x53, 0x4F, 0x46, 0x54, 0x00,
    ]

    /// Whether the UUID is one of theirs.
    package static func isOne(_ uuid: CUuuid) -> Bool {
        withUnsafeBytes(of: uuid) { bytes in
            for index in 0..<15 where bytes[index] != uuidPrefix[index] { return false }
            return true
        }
    }
}

/// What tells one software GPU from another, the same in every process and on every machine.
package struct Identity: Equatable, Sendable {
    /// Number of the GPU before `CUDA_VISIBLE_DEVICES` is applied, 0 to 7.
    package var index: Int

    /// Which code it takes: one that takes machine code is not recognised as a software GPU, so that it
    /// is sent what NVIDIA's GPUs are sent.
    package var code: Configuration.Code

    /// The GPU with this number.
    package init(index: Int, code: Configuration.Code = .ptx) {
        self.index = index
        self.code = code
    }

    /// The 16 bytes of `cuDeviceGetUuid`: a constant of Ferry's own, version 8 of RFC 9562, with
    /// the number in its last byte.
    package var uuid: [UInt8] {
        [
            0xFE, 0x44, 0x59, 0x50, 0x50, 0x55, 0x80, 0x01,
            0x9A, 0x5C, 0x53, 0x4F, 0x46, 0x54, code == .ptx ? 0 : 1, UInt8(index),
        ]
    }

    /// The UUID as NVIDIA's tools write it: `GPU-` and lower-case hexadecimal digits.
    package var uuidText: String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("GPU-".utf8)
        for (position, byte) in uuid.enumerated() {
            if [4, 6, 8, 10].contains(position) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// PCI domain, bus and device number.
    package var pci: (domain: Int32, bus: Int32, device: Int32) { (0, Int32(index + 1), 0) }

    /// The PCI address as `cuDeviceGetPCIBusId` writes it: `0000:01:00.0`.
    package var pciText: String { "0000:0\(index + 1):00.0" }

    /// The GPU that a PCI address names, among `count`; the domain and the function may be left
    /// out and letters may be of either case.
    package static func index(ofPCIAddress text: String, count: Int) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else { return nil }
        if parts.count == 3, Int(parts[0], radix: 16) != 0 { return nil }
        let last = parts[parts.count - 1].split(separator: ".", omittingEmptySubsequences: false)
        guard last.count <= 2, Int(last[0], radix: 16) == 0 else { return nil }
        if last.count == 2, Int(last[1], radix: 16) != 0 { return nil }
        guard let bus = Int(parts[parts.count - 2], radix: 16), (1...count).contains(bus) else {
            return nil
        }
        return bus - 1
    }
}

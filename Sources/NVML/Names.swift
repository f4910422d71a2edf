internal import CLinux
internal import NVMLABI

/// How NVIDIA's tools write what names a GPU. Texts are bytes with a NUL: Embedded Swift has no tables for
/// more.
enum Names {
    /// Bytes of a UUID as text, with its NUL.
    static let uuidSize = 41
    /// Bytes of the longest PCI address, with its NUL.
    static let addressSize = 32

    /// `GPU-` and lower-case digits in groups of 8, 4, 4, 4 and 12.
    static func writeUUID(
        _ facts: borrowing ferry_nvml_facts,
        to text: UnsafeMutablePointer<CChar>
    ) {
        var next = text
        put(71, &next)
        put(80, &next)
        put(85, &next)
        put(45, &next)
        withUnsafeBytes(of: facts.uuid) { bytes in
            for position in 0..<16 {
                if position == 4 || position == 6 || position == 8 || position == 10 {
                    put(45, &next)
                }
                put(UInt32(bytes[position]), digits: 2, ten: 97, &next)
            }
        }
        next.pointee = 0
    }

    /// Upper-case digits: domain:bus:device.0.
    ///
    /// - Parameter domain: Digits of the domain.
    static func writeAddress(
        _ facts: borrowing ferry_nvml_facts,
        domain: Int,
        to text: UnsafeMutablePointer<CChar>
    ) {
        var next = text
        put(UInt32(bitPattern: facts.domain), digits: domain, ten: 65, &next)
        put(58, &next)
        put(UInt32(bitPattern: facts.bus), digits: 2, ten: 65, &next)
        put(58, &next)
        put(UInt32(bitPattern: facts.device), digits: 2, ten: 65, &next)
        put(46, &next)
        put(48, &next)
        next.pointee = 0
    }

    /// Whether two texts differ in the case of their letters only.
    static func areEqual(_ a: UnsafePointer<CChar>, _ b: UnsafePointer<CChar>) -> Bool {
        var (a, b) = (a, b)
        while lower(a.pointee) == lower(b.pointee) {
            if a.pointee == 0 { return true }
            a += 1
            b += 1
        }
        return false
    }

    private static func lower(_ letter: CChar) -> CChar {
        letter >= 65 && letter <= 90 ? letter + 32 : letter
    }

    private static func put(_ letter: CChar, _ next: inout UnsafeMutablePointer<CChar>) {
        next.pointee = letter
        next += 1
    }

    /// - Parameter ten: The letter for ten.
    private static func put(
        _ value: UInt32,
        digits: Int,
        ten: CChar,
        _ next: inout UnsafeMutablePointer<CChar>
    ) {
        for digit in stride(from: digits - 1, through: 0, by: -1) {
            let part = CChar(truncatingIfNeeded: value >> UInt32(4 * digit) & 15)
            put(part < 10 ? 48 + part : ten + part - 10, &next)
        }
    }
}

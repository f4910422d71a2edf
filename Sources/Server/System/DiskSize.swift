/// A number of bytes as people write it: `512MiB`, `4GiB`, `2TiB`, or a number of MiB.
package struct DiskSize: Hashable, Sendable, CustomStringConvertible {
    /// The number of bytes, not negative.
    package var bytes: Int

    /// So many bytes.
    package init(bytes: Int) { self.bytes = bytes }

    /// Reads a size; `nil` for anything that is none.
    package init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        let shift: Int
        switch text.dropFirst(digits.count).lowercased() {
        case "", "m", "mib": shift = 20
        case "g", "gib": shift = 30
        case "t", "tib": shift = 40
        default: return nil
        }
        guard number <= Int.max >> shift else { return nil }
        bytes = number << shift
    }

    /// As it would be written.
    package var description: String {
        bytes > 0 && bytes % (1 << 30) == 0 ? "\(bytes >> 30)GiB" : "\(bytes >> 20)MiB"
    }
}

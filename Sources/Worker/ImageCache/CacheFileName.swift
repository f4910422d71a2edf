internal import Wire

/// The name of a file of the cache: 64 lower-case hexadecimal digits, and so never a path.
struct CacheFileName {
    /// The digits and a NUL.
    private var characters: InlineArray<65, CChar> = .init(repeating: 0)

    init(_ hash: InlineArray<32, UInt8>) {
        for index in 0..<32 {
            characters[2 * index] = Self.digit(hash[index] >> 4)
            characters[2 * index + 1] = Self.digit(hash[index] & 15)
        }
    }

    /// A name that was found in the folder; `nil` for anything else that lies there.
    init?(_ text: UnsafePointer<CChar>) {
        for index in 0..<64 {
            guard Self.value(text[index]) != nil else { return nil }
            characters[index] = text[index]
        }
        guard text[64] == 0 else { return nil }
    }

    /// As `ImageName.prefix`.
    var prefix: UInt32 {
        var value: UInt32 = 0
        for index in 0..<4 {
            let high = UInt32(Self.value(characters[2 * index]) ?? 0)
            let low = UInt32(Self.value(characters[2 * index + 1]) ?? 0)
            value |= (high << 4 | low) << UInt32(8 * index)
        }
        return value
    }

    /// Calls `body` with the name as C wants it.
    func withText<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        characters.span.withUnsafeBufferPointer { characters in
            guard let start = characters.baseAddress else {
                preconditionFailure("an array of 65 elements has an address")
            }
            return body(start)
        }
    }

    private static func digit(_ value: UInt8) -> CChar {
        CChar(value < 10 ? 48 + value : 87 + value)
    }

    private static func value(_ digit: CChar) -> UInt8? {
        switch digit {
        case 48...57: UInt8(digit - 48)
        case 97...102: UInt8(digit - 87)
        default: nil
        }
    }
}

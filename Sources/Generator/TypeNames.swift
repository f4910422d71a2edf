/// Spells the types of a description in C and in Swift, as Swift's importer sees the C spelling.
struct TypeNames {
    private var kinds: [String: TypeDeclaration] = [:]

    init(_ description: Description) {
        for type in description.types { kinds[type.name] = type }
    }

    private static let scalars: [String: (c: String, swift: String, bytes: Int)] = [
        "u8": ("unsigned char", "UInt8", 1),
        "u16": ("unsigned short", "UInt16", 2),
        "u32": ("unsigned int", "UInt32", 4),
        "u64": ("unsigned long long", "UInt64", 8),
        "i32": ("int", "Int32", 4),
        "i64": ("long long", "Int64", 8),
        "size": ("size_t", "Int", 8),
        "float": ("float", "Float", 4),
        "char": ("char", "CChar", 1),
    ]

    /// Whether a description may use the name without declaring it.
    static func isBuiltIn(_ name: String) -> Bool {
        scalars[name] != nil || name == "void" || name == "CUresult"
    }

    private func split(_ type: String) -> (isConstant: Bool, base: String, stars: Int) {
        var text = Substring(type)
        let isConstant = text.hasPrefix("const ")
        if isConstant { text = text.dropFirst(6) }
        let stars = text.reversed().prefix { $0 == "*" }.count
        return (isConstant, String(text.dropLast(stars)), stars)
    }

    /// `type` in C.
    func c(_ type: String) -> String {
        let (isConstant, base, stars) = split(type)
        let name = Self.scalars[base]?.c ?? base
        let spelled = (isConstant ? "const " : "") + name
        return stars == 0 ? spelled : spelled + " " + String(repeating: "*", count: stars)
    }

    /// The type of a parameter in Swift, as `@c @implementation` wants it.
    func swiftParameter(_ type: String) -> String {
        let (isConstant, base, stars) = split(type)
        if stars > 0 { return swiftPointer(isConstant, base, stars) + "!" }
        switch kinds[base] {
        case .handle, .callback: return base + "!"
        default: return Self.scalars[base]?.swift ?? base
        }
    }

    /// The same, for a stored function pointer's or a hand-written function's argument.
    func swiftOptional(_ type: String) -> String {
        let spelled = swiftParameter(type)
        return spelled.hasSuffix("!") ? spelled.dropLast() + "?" : spelled
    }

    private func swiftPointer(_ isConstant: Bool, _ base: String, _ stars: Int) -> String {
        let isOpaque: Bool
        if case .opaque = kinds[base] { isOpaque = true } else { isOpaque = false }
        var inner: String
        var remaining = stars
        if base == "void" {
            inner = isConstant ? "UnsafeRawPointer" : "UnsafeMutableRawPointer"
            remaining -= 1
        } else if isOpaque {
            inner = "OpaquePointer"
            remaining -= 1
        } else {
            let name = Self.scalars[base]?.swift ?? base
            let element: String
            switch kinds[base] {
            case .handle, .callback: element = name + "?"
            default: element = name
            }
            inner = "\(isConstant ? "UnsafePointer" : "UnsafeMutablePointer")<\(element)>"
            remaining -= 1
        }
        for _ in 0..<remaining { inner = "UnsafeMutablePointer<\(inner)?>" }
        return inner
    }

    /// Whether `type` is one of the handle types, passed by value.
    func isHandle(_ type: String) -> Bool {
        if case .handle = kinds[type] { return true }
        return false
    }

    /// The type without its outermost pointer: what an `out` argument receives.
    func pointee(_ type: String) -> String {
        type.hasSuffix("*") ? String(type.dropLast()) : type
    }

    /// Size on the wire in bytes of a value passed by value; `nil` when it cannot cross it.
    func wireSize(_ type: String) -> Int? {
        if let scalar = Self.scalars[type] { return max(4, scalar.bytes) }
        switch kinds[type] {
        case .handle: return 8
        case .enumeration: return 4
        case .scalar(_, let base): return wireSize(base)
        default: return type == "CUresult" ? 4 : nil
        }
    }

    /// Swift's name of the scalar that carries a value on the wire.
    func wireType(_ type: String) -> String? {
        switch type {
        case "float": return "Float"
        default: break
        }
        switch wireSize(type) {
        case 4: return isSigned(type) ? "Int32" : "UInt32"
        case 8: return "UInt64"
        default: return nil
        }
    }

    private func isSigned(_ type: String) -> Bool {
        switch kinds[type] {
        case .enumeration: return true
        case .scalar(_, let base): return isSigned(base)
        default: return type == "i32" || type == "CUresult"
        }
    }

    /// Swift's spelling of a value type.
    func swiftValue(_ type: String) -> String {
        Self.scalars[type]?.swift ?? type
    }
}

/// An address in an initialiser whose symbol may be declared later.
struct PendingRelocation {
    var offset = 0
    var size = 0
    /// The symbol's name, as a place in the text.
    var name = 0..<0
    var addend: Int64 = 0
    var isGeneric = false
    var mask = UInt64.max
    var line = 0
}

/// The initial contents while they are being read.
struct InitializerBuilder {
    /// Bytes of zeros that initialisers of one variable may skip.
    private static let paddingLimit = 64 << 20

    private(set) var bytes: [UInt8] = []
    var relocations: [PendingRelocation] = []
    private var padding = 0

    /// Writes the low bytes of a value; false when it lies too far behind the last.
    mutating func write(_ value: UInt64, size: Int, at offset: Int) -> Bool {
        if offset > bytes.count {
            padding += offset - bytes.count
            guard padding <= Self.paddingLimit else { return false }
            bytes.append(contentsOf: repeatElement(0, count: offset - bytes.count))
        }
        var rest = value
        for _ in 0..<size {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
        return true
    }
}

extension Lexer {
    /// Reads an initialiser, and gives a first dimension left out (-1) its extent.
    mutating func parseInitializer(
        of declaration: Declaration,
        dimensions: inout [Int]
    ) throws(PTXError) -> InitializerBuilder {
        guard dimensions.dropFirst().allSatisfy({ $0 >= 0 }),
            Size.product(dimensions.map { max($0, 1) }, declaration.elementSize) != nil
        else {
            throw error("size out of range")
        }
        var builder = InitializerBuilder()
        // The elements of a vector type are one more dimension.
        let all = declaration.vectorWidth > 1 ? dimensions + [declaration.vectorWidth] : dimensions
        let count = try fill(0, 0, all, declaration.type, &builder)
        if let first = dimensions.first, first < 0 { dimensions[0] = count }
        return builder
    }

    /// Reads the elements of one brace level; returns how many there are.
    private mutating func fill(
        _ level: Int,
        _ offset: Int,
        _ dimensions: [Int],
        _ type: Syntax.ScalarType,
        _ builder: inout InitializerBuilder
    ) throws(PTXError) -> Int {
        guard level < dimensions.count else {
            try parseElement(type, at: offset, &builder)
            return 1
        }
        try expect("{", in: "initialiser")
        var count = 0
        if take("}") { return 0 }
        let stride = dimensions[(level + 1)...].reduce(type.size, *)
        repeat {
            guard dimensions[level] < 0 || count < dimensions[level] else {
                throw error("more initialisers than the \(dimensions[level]) elements")
            }
            guard count <= Int(Size.limit) / max(stride, 1) else {
                throw error("too many initialisers")
            }
            _ = try fill(level + 1, offset + count * stride, dimensions, type, &builder)
            count += 1
        } while take(",")
        try expect("}", in: "initialiser")
        return count
    }

    private mutating func parseElement(
        _ type: Syntax.ScalarType,
        at offset: Int,
        _ builder: inout InitializerBuilder
    ) throws(PTXError) {
        let line = line
        var value: UInt64 = 0
        if kind == .word, !isSpelled("WARP_SZ") {
            let relocation = try parseSymbol(type, at: offset)
            builder.relocations.append(relocation)
        } else {
            let constant = try parseConstant(in: "initialiser")
            if case .integer(let mask, _) = constant, at("(") {
                value = try parseMasked(mask, type, at: offset, &builder)
            } else {
                guard let bits = Self.bits(of: constant, as: type) else {
                    let message = "initialiser does not suit the type '.\(type.rawValue)'"
                    throw PTXError(line: line, message: message)
                }
                value = bits
            }
        }
        guard builder.write(value, size: type.size, at: offset) else {
            throw PTXError(line: line, message: "initialisers lie too far apart")
        }
    }

    /// Reads `symbol`, `symbol+4`, `generic(symbol)+4`.
    private mutating func parseSymbol(_ type: Syntax.ScalarType, at offset: Int) throws(PTXError)
        -> PendingRelocation
    {
        var relocation = PendingRelocation(offset: offset, size: type.size, line: line)
        let isGeneric = isSpelled("generic")
        relocation.name = try namePlace(of: "symbol")
        relocation.isGeneric = isGeneric && take("(")
        if relocation.isGeneric {
            relocation.name = try namePlace(of: "symbol")
            relocation.addend = try parseAddend(in: "initialiser")
            try expect(")", in: "initialiser")
        }
        relocation.addend &+= try parseAddend(in: "initialiser")
        guard (1...8).contains(type.size) else {
            throw error("address in an initialiser of type '.\(type.rawValue)'")
        }
        return relocation
    }

    /// Reads the rest of `0xFF00(symbol)`, or the value of `0xFF(constant)`.
    private mutating func parseMasked(
        _ mask: UInt64,
        _ type: Syntax.ScalarType,
        at offset: Int,
        _ builder: inout InitializerBuilder
    ) throws(PTXError) -> UInt64 {
        guard mask != 0 else { throw error("mask 0 in an initialiser") }
        try expect("(", in: "initialiser")
        var value: UInt64 = 0
        if kind == .word, !isSpelled("WARP_SZ") {
            var relocation = try parseSymbol(type, at: offset)
            relocation.mask = mask
            builder.relocations.append(relocation)
        } else {
            guard case .integer(let bits, _) = try parseConstant(in: "initialiser") else {
                throw error("mask of a floating-point constant")
            }
            value = (bits & mask) >> UInt64(mask.trailingZeroBitCount)
        }
        try expect(")", in: "initialiser")
        return value
    }

    /// Reads any number of `+ constant`, `- constant`.
    mutating func parseAddend(in place: @autoclosure () -> String) throws(PTXError) -> Int64 {
        var sum: UInt64 = 0
        while at("+") || at("-") {
            let isNegative = at("-")
            advance()
            guard case .integer(let bits, _) = try parseConstant(lowest: 10, in: place()) else {
                throw error("floating-point offset in \(place())")
            }
            sum = isNegative ? sum &- bits : sum &+ bits
        }
        return Int64(bitPattern: sum)
    }

    /// The bits of a constant as an element of a type; nil when it does not suit.
    private static func bits(of constant: Constant, as type: Syntax.ScalarType) -> UInt64? {
        switch (type, constant) {
        case (.f64, .float32), (.f64, .float64): constant.double.bitPattern
        case (.f32, .float32(let bits)): UInt64(bits)
        case (.f32, .float64): UInt64(Float(constant.double).bitPattern)
        case (.f32, .integer), (.f64, .integer): nil
        case (_, .integer(let bits, _)): bits
        case (.b32, .float32(let bits)): UInt64(bits)
        case (.b64, .float64(let bits)): bits
        default: nil
        }
    }
}

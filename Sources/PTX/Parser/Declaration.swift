/// What is written between a state space and the name of a variable or parameter.
struct Declaration {
    var space: Syntax.StateSpace
    var type = Syntax.ScalarType.b32
    var vectorWidth = 1
    /// Bytes; nil when there is no `.align`.
    var alignment: Int?
    var isManaged = false
    var pointer: Syntax.Pointer?

    /// Bytes of one element.
    var elementSize: Int { type.size * vectorWidth }
}

extension Lexer {
    /// The state space that the current directive names, if it is one.
    var stateSpace: Syntax.StateSpace? {
        guard kind == .directive else { return nil }
        if isSpelled(".reg") { return .register }
        if isSpelled(".param") { return .parameter }
        if isSpelled(".shared") || isSpelled(".shared::cta") { return .shared }
        if isSpelled(".local") { return .local }
        if isSpelled(".global") || isSpelled(".tex") { return .global }
        return isSpelled(".const") ? .constant : nil
    }

    /// Reads a state space, attributes and the type, up to the name.
    mutating func parseDeclaration() throws(PTXError) -> Declaration {
        guard let space = stateSpace else { throw unexpected(in: "declaration") }
        advance()
        var declaration = Declaration(space: space)
        if space == .constant, take("[") {
            _ = try parseInteger(0...10, of: "constant bank")
            try expect("]", in: "constant bank")
        }
        var hasType = false
        while kind == .directive {
            if let type = scalarType() {
                declaration.type = type
                hasType = true
                advance()
            } else {
                try parseAttribute(of: &declaration)
            }
        }
        guard hasType else { throw error("unexpected \(description), type expected") }
        return declaration
    }

    private mutating func parseAttribute(of declaration: inout Declaration) throws(PTXError) {
        if isSpelled(".align") {
            advance()
            declaration.alignment = try parseAlignment()
        } else if isSpelled(".v2") || isSpelled(".v4") || isSpelled(".v8") {
            declaration.vectorWidth = Int(base[start + 2] - UInt8(ascii: "0"))
            advance()
        } else if isSpelled(".ptr") {
            advance()
            declaration.pointer = try parsePointer()
        } else if isSpelled(".attribute") {
            if try parseAttributes().isManaged { declaration.isManaged = true }
        } else {
            throw unexpected(in: "declaration")
        }
    }

    private mutating func parsePointer() throws(PTXError) -> Syntax.Pointer {
        var pointer = Syntax.Pointer(space: nil, alignment: 4)
        if let space = stateSpace, space != .parameter, space != .register {
            pointer.space = space
            advance()
        }
        if isSpelled(".align") {
            advance()
            pointer.alignment = try parseAlignment()
        }
        return pointer
    }

    /// Reads `.attribute(.managed, .unified(1, 2))`.
    mutating func parseAttributes() throws(PTXError) -> (isManaged: Bool, isUnified: Bool) {
        advance()
        var found = (isManaged: false, isUnified: false)
        try expect("(", in: "attribute")
        repeat {
            if isSpelled(".managed") {
                found.isManaged = true
                advance()
            } else if isSpelled(".unified") {
                found.isUnified = true
                advance()
                try expect("(", in: "attribute '.unified'")
                _ = try parseInteger(0...UInt64(Int64.max), of: "unified identifier")
                try expect(",", in: "attribute '.unified'")
                _ = try parseInteger(0...UInt64(Int64.max), of: "unified identifier")
                try expect(")", in: "attribute '.unified'")
            } else {
                throw unexpected(in: "attribute")
            }
        } while take(",")
        try expect(")", in: "attribute")
        return found
    }

    /// Reads `[4][8]`, `[]`; a dimension left out is -1.
    mutating func parseDimensions() throws(PTXError) -> [Int] {
        var dimensions: [Int] = []
        while take("[") {
            guard dimensions.count < 16 else { throw error("array of more than 16 dimensions") }
            if take("]") {
                dimensions.append(-1)
                continue
            }
            let line = line
            let extent = try parseConstant(in: "array extent")
            guard case .integer(let extent, _) = extent, extent <= Size.limit else {
                throw PTXError(line: line, message: "array extent out of range")
            }
            dimensions.append(Int(extent))
            try expect("]", in: "array extent")
        }
        return dimensions
    }
}

/// Sizes of variables and parameters.
enum Size {
    /// Bytes that no variable may exceed: 1 TiB.
    static let limit: UInt64 = 1 << 40

    /// The product, unless it exceeds the limit.
    static func product(_ factors: [Int], _ size: Int) -> Int? {
        var result = UInt64(size)
        for factor in factors {
            let (product, overflow) = result.multipliedReportingOverflow(by: UInt64(factor))
            guard !overflow, product <= limit else { return nil }
            result = product
        }
        return Int(result)
    }
}

extension BodyParser {
    /// Reads an operand and appends it to the scratch list.
    mutating func parseOperand(depth: Int) throws(PTXError) {
        switch lexer.kind {
        case .word:
            let operand = try parseWord()
            scratch.append(operand)
        case .integer, .float32, .float64:
            scratch.append(try parseNumber())
        case .punctuation: try parsePunctuated(depth: depth)
        default: throw lexer.unexpected(in: place)
        }
    }

    private mutating func parseNumber() throws(PTXError) -> Syntax.Operand {
        if let bits = lexer.takeInteger() { return .integer(bits) }
        let text = place
        switch try lexer.parseConstant(in: text) {
        case .integer(let bits, _): return .integer(bits)
        case .float32(let bits): return .float32(bits)
        case .float64(let bits): return .float64(bits)
        }
    }

    private mutating func parsePunctuated(depth: Int) throws(PTXError) {
        switch lexer.byte {
        case UInt8(ascii: "["):
            scratch.append(try parseMemory(depth: depth))
        case UInt8(ascii: "{"):
            let range = try parseVector(depth: depth)
            if lexer.take("|") {
                scratch.append(.vectorPair(range, try parseRegister()))
            } else {
                scratch.append(.vector(range))
            }
        case UInt8(ascii: "!") where isRegister(after: 1):
            lexer.advance()
            scratch.append(.notPredicate(try parseRegister()))
        case UInt8(ascii: "-") where isRegister(after: 1):
            lexer.advance()
            let operand = try parseWord()
            scratch.append(try negated(operand))
        default: scratch.append(try parseNumber())
        }
    }

    /// Whether a name other than `WARP_SZ` follows the current token.
    private func isRegister(after count: Int) -> Bool {
        var ahead = lexer
        ahead.advance()
        return ahead.kind == .word && !ahead.isSpelled("WARP_SZ")
    }

    private func negated(_ operand: Syntax.Operand) throws(PTXError) -> Syntax.Operand {
        switch operand {
        case .register(let register): return .negatedRegister(register, nil)
        case .part(let register, let part): return .negatedRegister(register, part)
        default: throw lexer.error("'-' before \(place) that is not a register")
        }
    }

    /// Reads `{a, b}`.
    private mutating func parseVector(depth: Int) throws(PTXError) -> Syntax.OperandRange {
        guard depth < 16 else {
            throw lexer.error("operands nested too deep in '\(instructionName)'")
        }
        lexer.advance()
        let first = scratch.count
        if !lexer.at("}") {
            repeat { try parseOperand(depth: depth + 1) } while lexer.take(",")
        }
        try expect("}")
        return moveOperands(from: first)
    }

    /// Reads the name of a register.
    private mutating func parseRegister() throws(PTXError) -> Syntax.RegisterID {
        guard lexer.kind == .word else { throw lexer.unexpected(in: place) }
        let name = scopes.intern(lexer.start, lexer.length)
        guard case .register(let register) = scopes.resolve(name) else {
            throw lexer.error("'\(lexer.text(limit: 64))' in \(place) is not a register")
        }
        lexer.advance()
        return register
    }

    /// Reads an operand that starts with a name.
    private mutating func parseWord() throws(PTXError) -> Syntax.Operand {
        if lexer.length == 1, lexer.base[lexer.start] == UInt8(ascii: "_") {
            lexer.advance()
            return lexer.take("|") ? .pair(nil, try parseRegisterOrSink()) : .sink
        }
        if isBranch { return try parseLabel() }
        if lexer.dot != 0 { return try parsePart() }
        let name = scopes.intern(lexer.start, lexer.length)
        let entity = scopes.resolve(name)
        if case .register(let register) = entity {
            lexer.advance()
            return lexer.take("|")
                ? .pair(register, try parseRegisterOrSink()) : .register(register)
        }
        return try parseSymbol(entity)
    }

    private mutating func parseRegisterOrSink() throws(PTXError) -> Syntax.RegisterID? {
        if lexer.isSpelled("_") {
            lexer.advance()
            return nil
        }
        return try parseRegister()
    }

    /// Whether names in the current instruction are labels first: `bra`, and the table of `brx`.
    private var isBranch: Bool {
        switch mnemonics.list[Int(current)].opcode {
        case .bra: true
        case .brx: scratch.count > 0
        default: false
        }
    }

    /// Reads an operand that is the name of something other than a register.
    private mutating func parseSymbol(_ entity: Entity) throws(PTXError) -> Syntax.Operand {
        switch entity {
        case .special(let kind, let number):
            lexer.advance()
            let isVector = SpecialRegisters.isVector(kind)
            return .special(.init(kind: kind, index: number, isVector: isVector))
        case .undeclared, .unbound, .declared, .register:
            if lexer.isSpelled("WARP_SZ") { return try parseNumber() }
            return try parseLabel()
        default:
            let base = try addressBase(entity)
            lexer.advance()
            if let index = try parseIndex(entity) {
                let address = Syntax.Address(base: base, offset: index)
                let isMove = mnemonics.list[Int(current)].opcode == .mov
                return isMove ? .address(address) : .memory(address)
            }
            return .address(Syntax.Address(base: base, offset: try parseOffset()))
        }
    }

    /// Reads any number of `+ constant`, `- constant`.
    mutating func parseOffset() throws(PTXError) -> Int64 {
        guard lexer.at("+") || lexer.at("-") else { return 0 }
        if lexer.at("+") {
            var ahead = lexer
            ahead.advance()
            if let bits = ahead.takeInteger() {
                lexer = ahead
                return Int64(bitPattern: bits)
            }
        }
        let text = place
        return try lexer.parseAddend(in: text)
    }
}

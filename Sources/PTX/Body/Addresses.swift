extension BodyParser {
    /// Reads `[…]`.
    mutating func parseMemory(depth: Int) throws(PTXError) -> Syntax.Operand {
        guard depth < 16 else {
            throw lexer.error("operands nested too deep in '\(instructionName)'")
        }
        lexer.advance()
        let address = try parseAddress()
        var operand = Syntax.Operand.memory(address)
        if lexer.at(",") {
            let first = scratch.count
            scratch.append(operand)
            while lexer.take(",") { try parseOperand(depth: depth + 1) }
            operand = .tuple(moveOperands(from: first))
        }
        try expect("]")
        // `[address].unified` of `ld` is a hint.
        if lexer.isSpelled(".unified") { lexer.advance() }
        return operand
    }

    private mutating func parseAddress() throws(PTXError) -> Syntax.Address {
        guard lexer.kind == .word, !lexer.isSpelled("WARP_SZ") else {
            let text = place
            guard case .integer(let bits, _) = try lexer.parseConstant(in: text) else {
                throw lexer.error("floating-point address in \(text)")
            }
            return Syntax.Address(base: .absolute, offset: Int64(bitPattern: bits))
        }
        guard lexer.dot == 0 else { throw lexer.unexpected(in: "address in \(place)") }
        let name = scopes.intern(lexer.start, lexer.length)
        // Not as an argument: `self` would be copied, with its arrays, before `resolve`.
        let entity = scopes.resolve(name)
        let base = try addressBase(entity)
        lexer.advance()
        return Syntax.Address(base: base, offset: try parseOffset())
    }

    /// What an address based on an entity, named by the current token, starts from.
    func addressBase(_ entity: Entity) throws(PTXError) -> Syntax.AddressBase {
        switch entity {
        case .register(let register): return .register(register)
        case .parameter(let index): return .parameter(index)
        case .returnParameter(let index): return .returnParameter(index)
        case .local(let index): return .local(index)
        case .global(let index): return .global(index)
        case .function(let index): return .function(index)
        case .special, .declared:
            throw lexer.error("'\(lexer.text(limit: 64))' as address in \(place)")
        case .unbound, .undeclared:
            throw lexer.error("undeclared name '\(lexer.text(limit: 64))' in \(place)")
        }
    }

    /// Reads the `[4]` of an array element; returns its offset in bytes.
    mutating func parseIndex(_ entity: Entity) throws(PTXError) -> Int64? {
        guard lexer.at("[") else { return nil }
        guard let size = elementSize(entity) else { throw lexer.unexpected(in: place) }
        lexer.advance()
        let text = place
        guard case .integer(let index, _) = try lexer.parseConstant(in: text) else {
            throw lexer.error("floating-point index in \(text)")
        }
        try expect("]")
        return Int64(bitPattern: index &* UInt64(size))
    }

    /// Bytes of an element of an array that an index is allowed on.
    private func elementSize(_ entity: Entity) -> Int? {
        switch entity {
        case .local(let index):
            let variable = body.variables[Int(index)]
            return variable.dimensions.count == 1 ? variable.type.size * variable.vectorWidth : nil
        case .global(let index):
            let size = scope.elementSizes[Int(index)]
            return size > 0 ? size : nil
        default: return nil
        }
    }
}

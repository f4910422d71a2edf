extension BodyParser {
    /// The current instruction's name for messages.
    var instructionName: String { mnemonics.list[Int(current)].name }

    /// "operand of 'add.s32'"
    var place: String { "operand of '\(instructionName)'" }

    /// Goes over this byte.
    @inline(__always)
    mutating func expect(_ punctuation: Unicode.Scalar) throws(PTXError) {
        guard lexer.take(punctuation) else {
            throw lexer.error(
                "unexpected \(lexer.description) in \(place), '\(punctuation)' expected"
            )
        }
    }

    /// Reads an instruction from its name up to and with the `;`.
    mutating func parseInstruction(_ guardian: Syntax.Guard?) throws(PTXError) {
        let line = lexer.line
        current = try mnemonics.parse(&lexer)
        let first = scratch.count
        if mnemonics.list[Int(current)].opcode == .call {
            try parseCall()
        } else if !lexer.at(";") {
            try parseOperand(depth: 0)
            while lexer.take(",") { try parseOperand(depth: 0) }
        }
        guard lexer.at(";") else { throw lexer.unexpected(in: place) }
        body.instructions.append(
            Syntax.Instruction(
                mnemonic: current,
                line: Int32(truncatingIfNeeded: line),
                guard: guardian,
                operands: moveOperands(from: first)
            )
        )
        lexer.advance()
    }

    /// Moves operands from the scratch list to the body's.
    mutating func moveOperands(from first: Int) -> Syntax.OperandRange {
        let range = Syntax.OperandRange(
            first: UInt32(truncatingIfNeeded: body.operands.count),
            length: UInt32(truncatingIfNeeded: scratch.count - first)
        )
        body.operands.append(contentsOf: scratch[first...])
        scratch.removeLast(scratch.count - first)
        return range
    }

    /// Reads the operands of a call: `(ret), f, (a, b), prototype`.
    private mutating func parseCall() throws(PTXError) {
        if lexer.at("(") {
            let results = try parseList()
            scratch.append(.list(results))
            try expect(",")
        } else {
            scratch.append(.list(moveOperands(from: scratch.count)))
        }
        try parseCallee()
        var arguments: Syntax.OperandRange?
        var prototype = Syntax.Operand.absent
        if lexer.take(",") {
            if lexer.at("(") {
                arguments = try parseList()
                if lexer.take(",") { prototype = try parseLabel() }
            } else {
                prototype = try parseLabel()
            }
        }
        scratch.append(.list(arguments ?? moveOperands(from: scratch.count)))
        scratch.append(prototype)
    }

    private mutating func parseList() throws(PTXError) -> Syntax.OperandRange {
        lexer.advance()
        let first = scratch.count
        if lexer.take(")") { return moveOperands(from: first) }
        repeat { try parseOperand(depth: 1) } while lexer.take(",")
        try expect(")")
        return moveOperands(from: first)
    }

    private mutating func parseCallee() throws(PTXError) {
        guard lexer.kind == .word else { throw lexer.unexpected(in: place) }
        let name = scopes.intern(lexer.start, lexer.length)
        switch scopes.resolve(name) {
        case .register(let register): scratch.append(.register(register))
        case .function(let index):
            scratch.append(.address(Syntax.Address(base: .function(index), offset: 0)))
        case .undeclared: throw lexer.error("undeclared function '\(lexer.text(limit: 64))'")
        default: throw lexer.error("'\(lexer.text(limit: 64))' is not a function")
        }
        lexer.advance()
    }

    /// Reads the name of a label, branch table, prototype or list of call targets.
    mutating func parseLabel() throws(PTXError) -> Syntax.Operand {
        let line = lexer.line
        guard lexer.kind == .word, lexer.dot == 0 else { throw lexer.unexpected(in: place) }
        let name = scopes.intern(lexer.start, lexer.length)
        let reference = LabelReference(
            name: Int32(truncatingIfNeeded: name),
            scope: scopes.current,
            line: line,
            place: lexer.start..<lexer.position,
            context: current
        )
        lexer.advance()
        return labels.operand(reference)
    }
}

extension BodyParser {
    /// Reads a directive in a body.
    mutating func parseDirective() throws(PTXError) {
        if lexer.isSpelled(".reg") {
            try parseRegisters()
        } else if lexer.isSpelled(".loc") {
            try lexer.skipLocation()
        } else if lexer.stateSpace != nil {
            try parseVariables(.module)
        } else if lexer.isSpelled(".pragma") {
            _ = try lexer.parsePragmas()
        } else if lexer.isSpelled(".file") {
            try lexer.skipFile()
        } else if lexer.isSpelled(".extern") || lexer.isSpelled(".visible")
            || lexer.isSpelled(".weak")
        {
            let linkage: Syntax.Linkage = lexer.isSpelled(".extern") ? .external : .module
            lexer.advance()
            guard lexer.stateSpace != nil, !lexer.isSpelled(".reg") else {
                throw lexer.unexpected(in: "declaration")
            }
            try parseVariables(linkage)
        } else {
            throw lexer.unexpected(in: "body")
        }
    }

    /// Reads `.reg .b32 %r<10>, x;`.
    private mutating func parseRegisters() throws(PTXError) {
        let declaration = try lexer.parseDeclaration()
        let width = UInt8(truncatingIfNeeded: declaration.vectorWidth)
        repeat {
            let line = lexer.line
            let place = try lexer.namePlace(of: "register")
            let name = scopes.intern(place.lowerBound, place.count)
            let isNew: Bool
            if lexer.take("<") {
                let count = try lexer.parseInteger(0...(1 << 32), of: "number of registers")
                try lexer.expect(">", in: "'.reg'")
                isNew = scopes.declareRange(name, declaration.type, width, count: UInt64(count))
            } else {
                isNew = scopes.declare(name, as: .declared(declaration.type, width))
            }
            guard isNew else {
                let text = lexer.text(at: place)
                throw PTXError(line: line, message: "register '\(text)' is declared already")
            }
        } while lexer.take(",")
        try lexer.expect(";", in: "'.reg'")
    }

    private mutating func parseVariables(_ linkage: Syntax.Linkage) throws(PTXError) {
        for parsed in try lexer.parseVariables(linkage: linkage) {
            var variable = parsed.variable
            for relocation in parsed.relocations {
                variable.initializer?.relocations.append(try relocation.resolved(in: scope))
            }
            let name = scopes.intern(parsed.place.lowerBound, parsed.place.count)
            guard scopes.declare(name, as: .local(UInt32(body.variables.count))) else {
                throw PTXError(
                    line: variable.line,
                    message: "'\(variable.name)' is declared already"
                )
            }
            body.variables.append(variable)
        }
    }

    /// Reads `.branchtargets a, b;`.
    mutating func parseBranchTargets() throws(PTXError) -> Syntax.Operand {
        lexer.advance()
        let table = UInt32(body.branchTables.count)
        body.branchTables.append([])
        repeat {
            let (line, place) = (lexer.line, try lexer.namePlace(of: "label"))
            let name = scopes.intern(place.lowerBound, place.count)
            let slot = body.branchTables[Int(table)].count
            body.branchTables[Int(table)].append(0)
            labels.referTo(
                LabelReference(
                    name: Int32(name),
                    scope: scopes.current,
                    line: line,
                    place: place,
                    context: -1
                ),
                fromTable: table,
                slot: slot
            )
        } while lexer.take(",")
        try lexer.expect(";", in: "'.branchtargets'")
        return .branchTable(table)
    }

    /// Reads `.calltargets f, g;`.
    mutating func parseCallTargets() throws(PTXError) -> Syntax.Operand {
        lexer.advance()
        var targets: [Syntax.FunctionID] = []
        repeat {
            let line = lexer.line
            let place = try lexer.namePlace(of: "function")
            guard case .function(let index) = scope[place] else {
                let text = lexer.text(at: place)
                throw PTXError(line: line, message: "undeclared function '\(text)'")
            }
            targets.append(Syntax.FunctionID(Int(index)))
        } while lexer.take(",")
        try lexer.expect(";", in: "'.calltargets'")
        body.callTargets.append(targets)
        return .callTargets(UInt32(body.callTargets.count - 1))
    }
}

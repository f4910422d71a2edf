extension ModuleParser {
    /// Reads a function from `.func` or `.entry` on, and goes over its body.
    mutating func parseFunction(_ linkage: Syntax.Linkage) throws(PTXError) {
        let line = lexer.line
        let isEntry = lexer.isSpelled(".entry")
        lexer.advance()
        while lexer.isSpelled(".attribute") { _ = try lexer.parseAttributes() }
        var directives = Syntax.FunctionDirectives()
        while lexer.isSpelled(".noreturn") {
            directives.isNoReturn = true
            lexer.advance()
        }
        let returns = lexer.at("(") && !isEntry ? try lexer.parseParameters() : ParameterList()
        let place = try lexer.namePlace(of: "function")
        let parameters = lexer.at("(") ? try lexer.parseParameters() : ParameterList()
        try lexer.parseFunctionDirectives(&directives)
        var function = Syntax.Function(
            name: scope.source.string(place.lowerBound, place.count),
            isEntry: isEntry,
            linkage: linkage,
            returns: returns.list,
            parameters: parameters.list,
            parameterBytes: parameters.bytes,
            directives: directives,
            line: line,
            extent: nil,
            parameterPlaces: parameters.places,
            returnPlaces: returns.places,
            scope: scope
        )
        if lexer.at("{") {
            function.extent = BodyExtent(start: lexer.position, line: lexer.line)
            try lexer.skipBraces()
        } else {
            // ptxas takes a declaration without ";" too.
            guard lexer.take(";") || lexer.kind == .directive || lexer.kind == .end else {
                throw lexer.unexpected(in: "header of '\(function.name)'")
            }
        }
        try declare(function, place)
    }

    /// Adds a function, or makes it the definition of one declared before.
    private mutating func declare(_ function: Syntax.Function, _ place: Range<Int>)
        throws(PTXError)
    {
        switch scope[place] {
        case .unbound:
            scope[place] = .function(UInt32(scan.functions.count))
            scan.functions.append(function)
        case .function(let index) where scan.functions[Int(index)].isEntry == function.isEntry:
            let old = scan.functions[Int(index)]
            guard !old.hasBody || !function.hasBody else { fallthrough }
            guard Self.haveSameLayout(old.parameters, function.parameters),
                Self.haveSameLayout(old.returns, function.returns)
            else {
                throw PTXError(
                    line: function.line,
                    message: "parameters of '\(function.name)' differ from line \(old.line)"
                )
            }
            guard function.hasBody else { return }
            scan.functions[Int(index)] = function
            if function.linkage == .module, old.linkage != .external {
                scan.functions[Int(index)].linkage = old.linkage
            }
        default:
            throw PTXError(
                line: function.line,
                message: "'\(function.name)' is declared already"
            )
        }
    }

    private static func haveSameLayout(_ a: [Syntax.Parameter], _ b: [Syntax.Parameter]) -> Bool {
        a.count == b.count
            && zip(a, b).allSatisfy {
                $0.space == $1.space && $0.size == $1.size && $0.alignment == $1.alignment
            }
    }
}

extension Lexer {
    private static let countLimit: ClosedRange<UInt64> = 0...(1 << 20)

    /// Reads what stands between a function's parameters and its body.
    mutating func parseFunctionDirectives(_ directives: inout Syntax.FunctionDirectives)
        throws(PTXError)
    {
        while kind == .directive {
            if isSpelled(".pragma") {
                directives.pragmas += try parsePragmas()
            } else if isSpelled(".noreturn") {
                directives.isNoReturn = true
                advance()
            } else if isSpelled(".explicitcluster") {
                directives.hasExplicitCluster = true
                advance()
            } else if isSpelled(".blocksareclusters") {
                directives.blocksAreClusters = true
                advance()
            } else if isSpelled(".attribute") {
                _ = try parseAttributes()
            } else {
                try parseTuning(&directives)
            }
        }
    }

    private mutating func parseTuning(_ directives: inout Syntax.FunctionDirectives)
        throws(PTXError)
    {
        let limit = Self.countLimit
        if isSpelled(".maxntid") {
            advance()
            directives.maxThreads = try parseExtents(of: "'.maxntid'")
        } else if isSpelled(".reqntid") {
            advance()
            directives.requiredThreads = try parseExtents(of: "'.reqntid'")
        } else if isSpelled(".reqnctapercluster") {
            advance()
            directives.requiredClusterSize = try parseExtents(of: "'.reqnctapercluster'")
        } else if isSpelled(".minnctapersm") {
            advance()
            directives.minBlocksPerMultiprocessor = try parseInteger(limit, of: "'.minnctapersm'")
        } else if isSpelled(".maxnctapersm") {
            advance()
            directives.maxBlocksPerMultiprocessor = try parseInteger(limit, of: "'.maxnctapersm'")
        } else if isSpelled(".maxnreg") {
            advance()
            directives.maxRegisters = try parseInteger(limit, of: "'.maxnreg'")
        } else if isSpelled(".maxclusterrank") {
            advance()
            directives.maxClusterRank = try parseInteger(limit, of: "'.maxclusterrank'")
        } else if isSpelled(".abi_preserve") || isSpelled(".abi_preserve_control") {
            advance()
            _ = try parseInteger(limit, of: "number of preserved registers")
        } else {
            throw unexpected(in: "header of a function")
        }
    }
}

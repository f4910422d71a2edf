extension ModuleParser {
    /// Reads `.version 8.5`, which every module starts with.
    mutating func parseVersion() throws(PTXError) {
        guard lexer.isSpelled(".version") else {
            throw lexer.error("unexpected \(lexer.description), '.version' expected")
        }
        lexer.advance()
        let parts = lexer.text(limit: 16).split(separator: ".", omittingEmptySubsequences: false)
        guard lexer.kind == .float64, parts.count == 2, let major = Int(parts[0]),
            let minor = Int(parts[1])
        else { throw lexer.unexpected(in: "'.version'") }
        scan.version = Syntax.Version(major: major, minor: minor)
        lexer.advance()
    }

    /// Reads `.target sm_90a, debug`.
    mutating func parseTarget() throws(PTXError) {
        lexer.advance()
        var options: [String] = []
        repeat {
            let line = lexer.line
            let name = try lexer.name(of: "target")
            guard name.hasPrefix("sm_") || name.hasPrefix("compute_") else {
                options.append(name)
                continue
            }
            let tail = name.drop { $0 != "_" }.dropFirst()
            let digits = tail.prefix { ("0"..."9").contains($0) }
            let suffix = tail.dropFirst(digits.count)
            guard let architecture = Int(digits), (10...10_000).contains(architecture),
                ["", "a", "f"].contains(suffix)
            else { throw PTXError(line: line, message: "unknown target '\(name)'") }
            scan.target = Syntax.Target(
                architecture: architecture,
                suffix: String(suffix),
                options: []
            )
        } while lexer.take(",")
        scan.target = Syntax.Target(
            architecture: scan.target.architecture,
            suffix: scan.target.suffix,
            options: scan.target.options + options
        )
    }

    /// Reads a declaration of variables at module scope.
    mutating func parseVariables(_ linkage: Syntax.Linkage) throws(PTXError) {
        for parsed in try lexer.parseVariables(linkage: linkage) {
            let index = try declare(parsed.variable, parsed.place)
            if !parsed.relocations.isEmpty { pending.append((index, parsed.relocations)) }
        }
    }

    /// Adds a variable, or makes it the definition of one declared before.
    private mutating func declare(_ variable: Syntax.Variable, _ place: Range<Int>)
        throws(PTXError) -> Int
    {
        switch scope[place] {
        case .unbound:
            scope[place] = .global(UInt32(scan.variables.count))
            scan.variables.append(variable)
            scope.elementSizes.append(
                variable.dimensions.count == 1 ? variable.type.size * variable.vectorWidth : 0
            )
            return scan.variables.count - 1
        case .global(let index):
            let old = scan.variables[Int(index)]
            guard old.space == variable.space,
                old.linkage == .external || variable.linkage == .external
                    || (old.linkage == .common && variable.linkage == .common)
            else { fallthrough }
            if old.linkage == .external { scan.variables[Int(index)] = variable }
            return Int(index)
        default:
            throw PTXError(
                line: variable.line,
                message: "'\(variable.name)' is declared already"
            )
        }
    }
}

extension Lexer {
    /// Goes over `.file 1 "name", 123, 456`.
    mutating func skipFile() throws(PTXError) {
        advance()
        _ = try parseInteger(0...(1 << 32), of: "file number")
        _ = try string(in: "'.file'")
        while take(",") { _ = try parseInteger(0...UInt64(Int64.max), of: "number in '.file'") }
    }

    /// Goes over `.loc 1 2 3, function_name $L__info_string0+4, inlined_at 1 2 3`.
    mutating func skipLocation() throws(PTXError) {
        advance()
        for _ in 0..<3 { _ = try parseInteger(0...(1 << 32), of: "number in '.loc'") }
        while take(",") {
            if isSpelled("function_name") {
                advance()
                _ = try name(of: "string")
                _ = try parseAddend(in: "'.loc'")
            } else if isSpelled("inlined_at") {
                advance()
                for _ in 0..<3 { _ = try parseInteger(0...(1 << 32), of: "number in '.loc'") }
            } else {
                throw unexpected(in: "'.loc'")
            }
        }
    }

    /// Reads `.pragma "nounroll", "other";`.
    mutating func parsePragmas() throws(PTXError) -> [String] {
        advance()
        var pragmas: [String] = []
        repeat { pragmas.append(try string(in: "'.pragma'")) } while take(",")
        try expect(";", in: "'.pragma'")
        return pragmas
    }
}

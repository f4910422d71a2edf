/// Everything of a module but the bodies.
struct ModuleScan {
    var version = Syntax.Version(major: 0, minor: 0)
    var target = Syntax.Target(architecture: 0, suffix: "", options: [])
    var addressSize = 32
    var variables: [Syntax.Variable] = []
    var functions: [Syntax.Function] = []
    var aliases: [Syntax.FunctionID: Syntax.FunctionID] = [:]
    var pragmas: [String] = []
}

/// Scans a text for directives, variables and function headers; goes over bodies.
struct ModuleParser {
    var lexer: Lexer
    let scope: ModuleScope
    var scan = ModuleScan()
    /// Relocations by variable, whose symbols are looked up at the end.
    var pending: [(variable: Int, relocations: [PendingRelocation])] = []
    /// `.alias a, b;` as places in the text, with the line.
    private var aliases: [(name: Range<Int>, target: Range<Int>, line: Int)] = []

    /// Scans a whole text.
    ///
    /// - Throws: the first error.
    static func parse(_ source: SourceText) throws(PTXError) -> ModuleScan {
        guard source.count < Int(Int32.max) else {
            throw PTXError(line: 1, message: "text of \(source.count) bytes, 2 GiB or more")
        }
        var parser = ModuleParser(
            lexer: Lexer(source),
            scope: ModuleScope(source: source)
        )
        try parser.parseAll()
        return parser.scan
    }

    private init(lexer: Lexer, scope: ModuleScope) {
        self.lexer = lexer
        self.scope = scope
    }

    private mutating func parseAll() throws(PTXError) {
        try parseVersion()
        while lexer.kind != .end { try parseItem() }
        guard scan.target.architecture != 0 else { throw lexer.error("no '.target' directive") }
        for (variable, relocations) in pending {
            var resolved: [Syntax.Relocation] = []
            for relocation in relocations { resolved.append(try relocation.resolved(in: scope)) }
            scan.variables[variable].initializer?.relocations = resolved
        }
        for alias in aliases { try resolve(alias) }
    }

    private mutating func resolve(_ alias: (name: Range<Int>, target: Range<Int>, line: Int))
        throws(PTXError)
    {
        guard case .function(let name) = scope[alias.name],
            case .function(let target) = scope[alias.target]
        else { throw PTXError(line: alias.line, message: "'.alias' of an undeclared function") }
        guard scan.functions[Int(target)].hasBody else {
            let name = scan.functions[Int(target)].name
            throw PTXError(line: alias.line, message: "'.alias' to '\(name)', which has no body")
        }
        scan.aliases[Syntax.FunctionID(Int(name))] = Syntax.FunctionID(Int(target))
    }

    private mutating func parseItem() throws(PTXError) {
        if lexer.take(";") { return }
        guard lexer.kind == .directive else { throw lexer.unexpected(in: "module") }
        let linkage = parseLinkage()
        if let space = lexer.stateSpace, space != .register {
            try parseVariables(linkage)
        } else if lexer.isSpelled(".func") || lexer.isSpelled(".entry") {
            try parseFunction(linkage)
        } else if linkage != .module {
            throw lexer.unexpected(in: "module, a function or variable expected")
        } else {
            try parseDirective()
        }
    }

    private mutating func parseLinkage() -> Syntax.Linkage {
        let linkage: Syntax.Linkage
        if lexer.isSpelled(".visible") {
            linkage = .visible
        } else if lexer.isSpelled(".extern") {
            linkage = .external
        } else if lexer.isSpelled(".weak") {
            linkage = .weak
        } else if lexer.isSpelled(".common") {
            linkage = .common
        } else {
            return .module
        }
        lexer.advance()
        return linkage
    }

    private mutating func parseDirective() throws(PTXError) {
        if lexer.isSpelled(".version") {
            try parseVersion()
        } else if lexer.isSpelled(".target") {
            try parseTarget()
        } else if lexer.isSpelled(".address_size") {
            lexer.advance()
            scan.addressSize = try lexer.parseInteger(32...64, of: "address size")
            guard scan.addressSize == 32 || scan.addressSize == 64 else {
                throw lexer.error("address size \(scan.addressSize)")
            }
        } else if lexer.isSpelled(".file") {
            try lexer.skipFile()
        } else if lexer.isSpelled(".loc") {
            try lexer.skipLocation()
        } else if lexer.isSpelled(".section") {
            lexer.advance()
            guard lexer.kind == .directive || lexer.kind == .word else {
                throw lexer.unexpected(in: "'.section'")
            }
            lexer.advance()
            guard lexer.at("{") else { throw lexer.unexpected(in: "'.section'") }
            try lexer.skipBraces()
        } else if lexer.isSpelled(".pragma") {
            scan.pragmas += try lexer.parsePragmas()
        } else if lexer.isSpelled(".alias") {
            try parseAlias()
        } else {
            throw lexer.unexpected(in: "module")
        }
    }

    private mutating func parseAlias() throws(PTXError) {
        let line = lexer.line
        lexer.advance()
        let name = try lexer.namePlace(of: "alias")
        try lexer.expect(",", in: "'.alias'")
        aliases.append((name, try lexer.namePlace(of: "function"), line))
        try lexer.expect(";", in: "'.alias'")
    }
}

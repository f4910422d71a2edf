/// A variable whose initialiser's symbols are not looked up yet.
struct ParsedVariable {
    var variable: Syntax.Variable
    /// The name, as a place in the text.
    let place: Range<Int>
    let relocations: [PendingRelocation]
}

extension Lexer {
    /// Reads variables of one declaration up to and with the `;`. Initialisers with addresses
    /// are given back aside, for symbols may be declared later.
    mutating func parseVariables(linkage: Syntax.Linkage) throws(PTXError) -> [ParsedVariable] {
        let declaration = try parseDeclaration()
        var found: [ParsedVariable] = []
        repeat {
            found.append(try parseVariable(declaration, linkage))
        } while take(",")
        try expect(";", in: "declaration")
        return found
    }

    private mutating func parseVariable(_ declaration: Declaration, _ linkage: Syntax.Linkage)
        throws(PTXError) -> ParsedVariable
    {
        let line = line
        let place = try namePlace(of: "variable")
        let name = text(at: place)
        guard declaration.type != .pred else {
            throw PTXError(line: line, message: "variable '\(name)' of type '.pred'")
        }
        var dimensions = try parseDimensions()
        var builder: InitializerBuilder?
        var fields: [Syntax.OpaqueField] = []
        if take("=") {
            switch declaration.type {
            case .texref, .samplerref, .surfref: fields = try parseOpaqueFields()
            default: builder = try parseInitializer(of: declaration, dimensions: &dimensions)
            }
        }
        guard dimensions.dropFirst().allSatisfy({ $0 >= 0 }),
            let size = Size.product(dimensions.map { max($0, 0) }, declaration.elementSize)
        else { throw PTXError(line: line, message: "size of '\(name)' out of range") }
        guard size > 0 || linkage == .external || declaration.space == .parameter else {
            throw PTXError(line: line, message: "array '\(name)' has no size")
        }
        let variable = Syntax.Variable(
            name: name,
            linkage: linkage,
            space: declaration.space,
            type: declaration.type,
            vectorWidth: declaration.vectorWidth,
            dimensions: dimensions.map { max($0, 0) },
            isUnsized: dimensions.first == -1,
            size: size,
            alignment: declaration.alignment ?? max(1, declaration.elementSize),
            isManaged: declaration.isManaged,
            initializer: builder.map { Syntax.Initializer(bytes: $0.bytes, relocations: []) },
            opaqueFields: fields,
            line: line
        )
        return ParsedVariable(
            variable: variable,
            place: place,
            relocations: builder?.relocations ?? []
        )
    }

    /// Reads `{ addr_mode_0 = wrap, filter_mode = nearest }`.
    private mutating func parseOpaqueFields() throws(PTXError) -> [Syntax.OpaqueField] {
        var fields: [Syntax.OpaqueField] = []
        try expect("{", in: "initialiser")
        if take("}") { return fields }
        repeat {
            let name = try name(of: "field")
            try expect("=", in: "initialiser")
            guard kind == .word || kind == .integer else { throw unexpected(in: "initialiser") }
            fields.append(Syntax.OpaqueField(name: name, value: text()))
            advance()
        } while take(",")
        try expect("}", in: "initialiser")
        return fields
    }
}

extension PendingRelocation {
    /// The relocation, its symbol looked up among the module's.
    func resolved(in scope: ModuleScope) throws(PTXError) -> Syntax.Relocation {
        let target: Syntax.Relocation.Target
        switch scope[name] {
        case .global(let index): target = .variable(Syntax.GlobalID(Int(index)))
        case .function(let index): target = .function(Syntax.FunctionID(Int(index)))
        default:
            let name = scope.source.string(name.lowerBound, name.count)
            throw PTXError(line: line, message: "undeclared symbol '\(name)' in initialiser")
        }
        return Syntax.Relocation(
            offset: offset,
            size: size,
            target: target,
            addend: addend,
            isGeneric: isGeneric,
            mask: mask
        )
    }
}

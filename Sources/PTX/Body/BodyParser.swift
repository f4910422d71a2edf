/// Parses a function's body into one flat list of instructions.
struct BodyParser {
    var lexer: Lexer
    let scope: ModuleScope
    var scopes: BodyScopes
    var labels = LabelResolver()
    var mnemonics = Mnemonics()
    var body: Syntax.FunctionBody
    /// Operands of lists that are still being read.
    var scratch: ContiguousArray<Syntax.Operand> = []
    /// The instruction being read, for messages.
    var current: Int32 = 0

    /// Parses a body.
    ///
    /// - Throws: the first error.
    static func parse(_ function: Syntax.Function, _ extent: BodyExtent) throws(PTXError)
        -> Syntax.FunctionBody
    {
        var parser = BodyParser(function.scope, extent)
        try parser.declareParameters(function)
        try parser.parseStatements()
        try parser.labels.resolve(&parser.body, parser.scopes.parents)
        parser.body.mnemonics = parser.mnemonics.list
        parser.body.registers = parser.scopes.registers
        return parser.body
    }

    private init(_ scope: ModuleScope, _ extent: BodyExtent) {
        self.scope = scope
        lexer = Lexer(scope.source, at: extent.start, line: extent.line)
        scopes = BodyScopes(scope)
        body = Syntax.FunctionBody(source: scope.source)
    }

    private mutating func declareParameters(_ function: Syntax.Function) throws(PTXError) {
        scopes.enter()
        for (index, parameter) in function.returns.enumerated() {
            let entity = Entity.returnParameter(UInt32(index))
            let place = function.returnPlaces[index]
            body.returnRegisters.append(try declare(parameter, place, entity, function.line))
        }
        for (index, parameter) in function.parameters.enumerated() {
            let entity = Entity.parameter(UInt32(index))
            let place = function.parameterPlaces[index]
            body.parameterRegisters.append(try declare(parameter, place, entity, function.line))
        }
        scopes.enter()
    }

    private mutating func declare(
        _ parameter: Syntax.Parameter,
        _ place: Range<Int>,
        _ entity: Entity,
        _ line: Int
    ) throws(PTXError) -> Syntax.RegisterID? {
        let name = scopes.intern(place.lowerBound, place.count)
        var entity = entity
        var register: Syntax.RegisterID?
        if parameter.space == .register {
            let width = UInt8(truncatingIfNeeded: parameter.vectorWidth)
            let made = scopes.makeRegister(name, parameter.type, width)
            entity = .register(made)
            register = made
        }
        guard scopes.declare(name, as: entity) || parameter.name == "_" else {
            throw PTXError(
                line: line,
                message: "parameter '\(parameter.name)' is declared already"
            )
        }
        return register
    }

    /// Reads statements up to the `}` of the body.
    private mutating func parseStatements() throws(PTXError) {
        while true {
            switch lexer.kind {
            case .word: try parseLabelOrInstruction()
            case .punctuation:
                if try parsePunctuation() { return }
            case .directive: try parseDirective()
            case .end: throw lexer.unexpected(in: "body, '}' expected")
            default: throw lexer.unexpected(in: "body")
            }
        }
    }

    /// Reads a brace, blank statement or guarded instruction; true at the end of the body.
    private mutating func parsePunctuation() throws(PTXError) -> Bool {
        switch lexer.byte {
        case UInt8(ascii: ";"): lexer.advance()
        case UInt8(ascii: "@"): try parseGuarded()
        case UInt8(ascii: "{"):
            guard scopes.canEnter else { throw lexer.error("scopes nested too deep") }
            scopes.enter()
            lexer.advance()
        case UInt8(ascii: "}"):
            // The closing brace of the body is the last token looked at.
            if scopes.leave() { return true }
            lexer.advance()
        default: throw lexer.unexpected(in: "body")
        }
        return false
    }

    private mutating func parseGuarded() throws(PTXError) {
        lexer.advance()
        let isNegated = lexer.take("!")
        guard lexer.kind == .word else { throw lexer.unexpected(in: "guard") }
        let name = scopes.intern(lexer.start, lexer.length)
        guard case .register(let register) = scopes.resolve(name) else {
            throw lexer.error("guard '\(lexer.text(limit: 64))' is not a register")
        }
        lexer.advance()
        guard lexer.kind == .word else { throw lexer.unexpected(in: "guarded instruction") }
        try parseInstruction(Syntax.Guard(register: register, isNegated: isNegated))
    }

    private mutating func parseLabelOrInstruction() throws(PTXError) {
        var next = lexer.position
        while lexer.isClass(lexer.base[next], ByteClass.blank) { next += 1 }
        guard lexer.base[next] == UInt8(ascii: ":") else { return try parseInstruction(nil) }
        let (start, length, line) = (lexer.start, lexer.length, lexer.line)
        guard lexer.dot == 0 else { throw lexer.unexpected(in: "label") }
        let name = scopes.intern(start, length)
        lexer.advance()
        lexer.advance()
        let target = try parseLabelled(start, length)
        guard labels.define(name, scopes.current, target) else {
            let text = scope.source.string(start, length)
            throw PTXError(line: line, message: "label '\(text)' is defined already")
        }
    }

    /// Reads what a label stands before.
    private mutating func parseLabelled(_ start: Int, _ length: Int) throws(PTXError)
        -> Syntax.Operand
    {
        if lexer.kind == .directive {
            if lexer.isSpelled(".branchtargets") { return try parseBranchTargets() }
            if lexer.isSpelled(".calltargets") { return try parseCallTargets() }
            if lexer.isSpelled(".callprototype") {
                lexer.advance()
                body.prototypes.append(try lexer.parsePrototype())
                try lexer.expect(";", in: "call prototype")
                return .prototype(UInt32(body.prototypes.count - 1))
            }
        }
        let name = scope.source.string(start, length)
        body.labels.append(Syntax.Label(instruction: body.instructions.count, name: name))
        return .label(UInt32(body.labels.count - 1))
    }
}

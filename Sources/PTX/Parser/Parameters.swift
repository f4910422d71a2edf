/// The parameters of one pair of parentheses.
struct ParameterList {
    var list: [Syntax.Parameter] = []
    /// The names, as places in the text.
    var places: [Range<Int>] = []
    /// Up to the end of the last `.param` parameter.
    var bytes = 0
}

extension Lexer {
    /// Reads `(.param .u64 a, .param .align 8 .b8 b[24])` and lays the parameters out.
    mutating func parseParameters() throws(PTXError) -> ParameterList {
        var found = ParameterList()
        try expect("(", in: "parameter list")
        if take(")") { return found }
        repeat {
            var (parameter, place) = try parseParameter()
            if parameter.space == .parameter {
                found.bytes = (found.bytes + parameter.alignment - 1) & -parameter.alignment
                parameter.offset = found.bytes
                found.bytes += parameter.size
                guard found.bytes <= Size.limit else { throw error("parameter list too large") }
            }
            found.list.append(parameter)
            found.places.append(place)
        } while take(",")
        try expect(")", in: "parameter list")
        return found
    }

    private mutating func parseParameter() throws(PTXError) -> (Syntax.Parameter, Range<Int>) {
        let declaration = try parseDeclaration()
        guard declaration.space == .parameter || declaration.space == .register else {
            throw error("parameter that is neither '.param' nor '.reg'")
        }
        guard declaration.space == .register || declaration.type != .pred else {
            throw error("'.param' of type '.pred'")
        }
        let place = try namePlace(of: "parameter")
        let name = text(at: place)
        let dimensions = try parseDimensions()
        guard dimensions.dropFirst().allSatisfy({ $0 >= 0 }),
            let size = Size.product(dimensions.map { max($0, 0) }, declaration.elementSize)
        else { throw error("size of parameter '\(name)' out of range") }
        let parameter = Syntax.Parameter(
            name: name,
            space: declaration.space,
            type: declaration.type,
            vectorWidth: declaration.vectorWidth,
            elements: dimensions.isEmpty ? nil : size / max(1, declaration.elementSize),
            size: size,
            alignment: declaration.alignment ?? max(1, declaration.elementSize),
            offset: 0,
            pointer: declaration.pointer
        )
        return (parameter, place)
    }

    /// Reads what follows `.callprototype`: `(results) _ (parameters) .noreturn;`.
    mutating func parsePrototype() throws(PTXError) -> Syntax.Prototype {
        var prototype = Syntax.Prototype(returns: [], parameters: [], isNoReturn: false)
        if at("(") { prototype.returns = try parseParameters().list }
        _ = try name(of: "prototype")
        if at("(") { prototype.parameters = try parseParameters().list }
        while kind == .directive {
            if isSpelled(".noreturn") {
                prototype.isNoReturn = true
                advance()
            } else if isSpelled(".abi_preserve") || isSpelled(".abi_preserve_control") {
                advance()
                _ = try parseInteger(0...(1 << 20), of: "number of preserved registers")
            } else {
                throw unexpected(in: "call prototype")
            }
        }
        return prototype
    }
}

import PTX
import Testing

/// A module of a text; a header is put before it, on the same line.
func module(_ text: String) throws -> Syntax.Module {
    try Syntax.Module(Array((".version 8.5 .target sm_80 .address_size 64 " + text).utf8))
}

/// The body of an entry made of statements.
func body(_ statements: String, module text: String = "") throws -> Syntax.FunctionBody {
    let module = try module(text + " .visible .entry testee() {" + statements + "}")
    let id = try #require(module.function(named: "testee"))
    return try module.functions[id.index].parseBody()
}

/// The instructions of statements, each printed in one normal form.
func printed(_ statements: String, module text: String = "") throws -> [String] {
    let body = try body(statements, module: text)
    return body.instructions.map { print($0, in: body) }
}

/// The message of the error that statements give, or nil.
func failure(_ statements: String, module text: String = "") -> String? {
    do {
        _ = try body(statements, module: text)
        return nil
    } catch { return "\(error)" }
}

/// The message of the error that a module gives outside bodies, or nil.
func moduleFailure(_ text: String) -> String? {
    do {
        _ = try module(text)
        return nil
    } catch { return "\(error)" }
}

/// An instruction in normal form: registers by name and id, as in `add.s32 %r1#0, %r2#1, 5`.
func print(_ instruction: Syntax.Instruction, in body: Syntax.FunctionBody) -> String {
    var text = body.mnemonic(instruction).name
    if let guardian = instruction.guard {
        text = "@\(guardian.isNegated ? "!" : "")\(print(guardian.register, body)) " + text
    }
    let operands = body.operands(instruction.operands).map { print($0, body) }
    return operands.isEmpty ? text : text + " " + operands.joined(separator: ", ")
}

private func print(_ register: Syntax.RegisterID, _ body: Syntax.FunctionBody) -> String {
    "\(body.name(register))#\(register.index)"
}

private func print(_ address: Syntax.Address, _ body: Syntax.FunctionBody) -> String {
    let base =
        switch address.base {
        case .absolute: "absolute"
        case .register(let register): print(register, body)
        case .parameter(let index): "parameter\(index)"
        case .returnParameter(let index): "return\(index)"
        case .local(let index): "\(body.variables[Int(index)].name)@\(index)"
        case .global(let index): "global\(index)"
        case .function(let index): "function\(index)"
        }
    return address.offset == 0 ? base : "\(base)+\(address.offset)"
}

private func print(_ range: Syntax.OperandRange, _ body: Syntax.FunctionBody) -> String {
    body.operands(range).map { print($0, body) }.joined(separator: ", ")
}

private func print(_ operand: Syntax.Operand, _ body: Syntax.FunctionBody) -> String {
    switch operand {
    case .register(let register): return print(register, body)
    case .part(let register, let part): return "\(print(register, body)).\(part)"
    case .negatedRegister(let register, let part):
        return "-\(print(register, body))" + (part.map { ".\($0)" } ?? "")
    case .notPredicate(let register): return "!\(print(register, body))"
    case .pair(let first, let second):
        return [first, second].map { $0.map { print($0, body) } ?? "_" }.joined(separator: "|")
    case .vectorPair(let range, let register):
        return "{\(print(range, body))}|\(print(register, body))"
    case .special(let special):
        return "%\(special.kind.rawValue)[\(special.isVector ? "*" : "\(special.index)")]"
    case .integer(let bits): return "\(Int64(bitPattern: bits))"
    case .float32(let bits): return "\(Float(bitPattern: bits))f"
    case .float64(let bits): return "\(Double(bitPattern: bits))d"
    case .address(let address): return "&" + print(address, body)
    case .memory(let address): return "[\(print(address, body))]"
    case .tuple(let range): return "[\(print(range, body))]"
    case .vector(let range): return "{\(print(range, body))}"
    case .list(let range): return "(\(print(range, body)))"
    case .sink: return "_"
    case .label(let index):
        let label = body.labels[Int(index)]
        return "\(label.name)->\(label.instruction)"
    case .branchTable(let index): return "table\(index)"
    case .prototype(let index): return "prototype\(index)"
    case .callTargets(let index): return "targets\(index)"
    case .absent: return "absent"
    }
}

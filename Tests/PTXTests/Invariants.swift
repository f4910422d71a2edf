import PTX

/// What is wrong with a parsed function by the tree's own rules, or nil: every index in range,
/// every relocation inside its variable, every layout in order.
func violation(in body: Syntax.FunctionBody, of function: Syntax.Function, _ module: Syntax.Module)
    -> String?
{
    for instruction in body.instructions {
        guard body.mnemonics.indices.contains(Int(instruction.mnemonic)) else { return "mnemonic" }
        guard body.operands.indices.contains(instruction.operands.indices) else {
            return "operands"
        }
        if let guardian = instruction.guard,
            !body.registers.indices.contains(guardian.register.index)
        {
            return "guard"
        }
        if body.mnemonic(instruction).opcode == .call, !isCall(body, instruction) { return "call" }
    }
    for (index, operand) in body.operands.enumerated()
    where !isValid(operand, before: index, body, function, module) {
        return "operand \(operand)"
    }
    for table in body.branchTables where !table.allSatisfy(body.labels.indices.contains) {
        return "branch table"
    }
    for label in body.labels where !(0...body.instructions.count).contains(label.instruction) {
        return "label"
    }
    for targets in body.callTargets
    where !targets.allSatisfy({ module.functions.indices.contains($0.index) }) {
        return "call targets"
    }
    return body.variables.lazy.compactMap { violation(in: $0, module) }.first
}

/// What is wrong with a variable, or nil.
func violation(in variable: Syntax.Variable, _ module: Syntax.Module) -> String? {
    guard variable.alignment > 0, variable.alignment & (variable.alignment - 1) == 0 else {
        return "alignment"
    }
    guard let initializer = variable.initializer else { return nil }
    guard initializer.bytes.count <= variable.size else { return "bytes" }
    for relocation in initializer.relocations {
        guard relocation.offset >= 0, (1...8).contains(relocation.size), relocation.mask != 0,
            relocation.offset + relocation.size <= initializer.bytes.count
        else { return "relocation" }
    }
    return nil
}

private func isCall(_ body: Syntax.FunctionBody, _ instruction: Syntax.Instruction) -> Bool {
    let operands = Array(body.operands(instruction.operands))
    guard operands.count == 4, case .list = operands[0], case .list = operands[2] else {
        return false
    }
    switch (operands[1], operands[3]) {
    case (.register, .absent), (.register, .prototype), (.register, .callTargets): return true
    case (.address(let address), _):
        if case .function = address.base { return address.offset == 0 }
        return false
    default: return true
    }
}

private func isValid(
    _ operand: Syntax.Operand,
    before index: Int,
    _ body: Syntax.FunctionBody,
    _ function: Syntax.Function,
    _ module: Syntax.Module
) -> Bool {
    func has(_ register: Syntax.RegisterID?) -> Bool {
        register.map { body.registers.indices.contains($0.index) } ?? true
    }
    // Parts come before what they are part of, so no range can contain itself.
    func has(_ range: Syntax.OperandRange) -> Bool { range.indices.upperBound <= index }
    func has(_ address: Syntax.Address) -> Bool {
        switch address.base {
        case .absolute: true
        case .register(let register): has(register)
        case .parameter(let number): function.parameters.indices.contains(Int(number))
        case .returnParameter(let number): function.returns.indices.contains(Int(number))
        case .local(let number): body.variables.indices.contains(Int(number))
        case .global(let number): module.variables.indices.contains(Int(number))
        case .function(let number): module.functions.indices.contains(Int(number))
        }
    }
    switch operand {
    case .register(let register), .part(let register, _), .negatedRegister(let register, _),
        .notPredicate(let register):
        return has(register)
    case .pair(let first, let second): return has(first) && has(second)
    case .vectorPair(let range, let register): return has(range) && has(register)
    case .address(let address), .memory(let address): return has(address)
    case .tuple(let range), .vector(let range), .list(let range): return has(range)
    case .label(let number): return body.labels.indices.contains(Int(number))
    case .branchTable(let number): return body.branchTables.indices.contains(Int(number))
    case .prototype(let number): return body.prototypes.indices.contains(Int(number))
    case .callTargets(let number): return body.callTargets.indices.contains(Int(number))
    case .special, .integer, .float32, .float64, .sink, .absent: return true
    }
}

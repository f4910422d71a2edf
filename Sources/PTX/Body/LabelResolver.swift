/// A name that is to be a label, seen before the labels are known.
struct LabelReference {
    /// By `BodyScopes.intern`.
    let name: Int32
    /// The scope it was seen in.
    let scope: Int32
    let line: Int
    /// Where the name is in the text.
    let place: Range<Int>
    /// The instruction's mnemonic, or -1 in `.branchtargets`.
    let context: Int32
}

/// Labels of all scopes of a body; references to them are resolved at its end.
struct LabelResolver {
    private struct Key: Hashable {
        let name: Int32
        let scope: Int32
    }

    private var targets: [Key: Syntax.Operand] = [:]
    /// What `.label` operands mean until `resolve`: index into this.
    private var references: ContiguousArray<LabelReference> = []
    private var slots: [(reference: LabelReference, table: UInt32, slot: Int)] = []

    /// Gives a label its meaning in a scope; false when it has one.
    mutating func define(_ name: Int, _ scope: Int32, _ target: Syntax.Operand) -> Bool {
        targets.updateValue(target, forKey: Key(name: Int32(name), scope: scope)) == nil
    }

    /// The operand that stands for a name until `resolve`.
    mutating func operand(_ reference: LabelReference) -> Syntax.Operand {
        references.append(reference)
        return .label(UInt32(truncatingIfNeeded: references.count - 1))
    }

    /// Remembers a name in a branch table.
    mutating func referTo(_ reference: LabelReference, fromTable table: UInt32, slot: Int) {
        slots.append((reference, table, slot))
    }

    /// Puts labels in place of all references.
    ///
    /// - Throws: at the first name that is no label in its scope or those around it.
    func resolve(_ body: inout Syntax.FunctionBody, _ parents: ContiguousArray<Int32>)
        throws(PTXError)
    {
        for index in body.operands.indices {
            guard case .label(let number) = body.operands[index] else { continue }
            let reference = references[Int(number)]
            guard let target = find(reference, parents) else {
                throw undeclared(reference, body)
            }
            body.operands[index] = target
        }
        for (reference, table, slot) in slots {
            guard case .label(let label)? = find(reference, parents) else {
                throw undeclared(reference, body)
            }
            body.branchTables[Int(table)][slot] = Int(label)
        }
    }

    private func find(_ reference: LabelReference, _ parents: ContiguousArray<Int32>)
        -> Syntax.Operand?
    {
        var scope = reference.scope
        while scope >= 0 {
            if let target = targets[Key(name: reference.name, scope: scope)] { return target }
            scope = parents[Int(scope)]
        }
        return nil
    }

    private func undeclared(_ reference: LabelReference, _ body: Syntax.FunctionBody) -> PTXError {
        let name = body.source.string(reference.place.lowerBound, reference.place.count)
        return PTXError(line: reference.line, message: "undeclared name '\(name.prefix(64))'")
    }
}

extension Syntax {
    /// `@%p1` or `@!%p1`.
    public struct Guard: Hashable, Sendable {
        /// The predicate.
        public let register: RegisterID
        /// Whether `!` is there.
        public let isNegated: Bool
    }

    /// One instruction.
    ///
    /// `call` always has exactly four operands: `.list` of results (maybe empty), the target
    /// (`.address` of a function, or `.register`), `.list` of arguments (maybe empty), and
    /// `.prototype`, `.callTargets` or `.absent`. Each result or argument is a `.address` of a
    /// `.param` object, a `.register`, a constant or `.sink`.
    public struct Instruction: Sendable {
        /// Index into `FunctionBody.mnemonics`.
        public let mnemonic: Int32
        /// The line in the PTX text.
        public let line: Int32
        /// The guard predicate.
        public let `guard`: Guard?
        /// The operands: destinations first, as written.
        public let operands: OperandRange
    }

    /// A virtual register that the body uses. Registers that are declared and never used are not
    /// there, so the number of these is bounded by the text's length.
    public struct Register: Sendable {
        /// The declared type, which decides the width.
        public let type: ScalarType
        /// Elements of a vector register: 1, 2 or 4.
        public let vectorWidth: Int
        let nameOffset: Int
        let nameLength: Int
    }

    /// A place in the code.
    public struct Label: Sendable {
        /// The index of the instruction it stands before; the number of instructions when it
        /// stands at the end.
        public internal(set) var instruction: Int
        /// The name, not unique (scopes).
        public internal(set) var name: String
    }

    /// A parsed body. Refers to nothing outside but its text.
    public struct FunctionBody: Sendable {
        /// The instructions in order; braces are gone.
        public internal(set) var instructions: [Instruction] = []
        /// The pool that operand ranges refer to.
        public internal(set) var operands: [Operand] = []
        /// The distinct instruction names.
        public internal(set) var mnemonics: [Mnemonic] = []
        /// The registers that are used, in the order of first use.
        public internal(set) var registers: [Register] = []
        /// The variables declared in the body, each declaration its own, in order.
        public internal(set) var variables: [Variable] = []
        /// The labels.
        public internal(set) var labels: [Label] = []
        /// `.branchtargets`: each a list of indices into `labels`.
        public internal(set) var branchTables: [[Int]] = []
        /// `.callprototype`
        public internal(set) var prototypes: [Prototype] = []
        /// `.calltargets`
        public internal(set) var callTargets: [[FunctionID]] = []
        /// The register of each formal parameter in `.reg` space, by parameter; nil for `.param`.
        public internal(set) var parameterRegisters: [RegisterID?] = []
        /// The register of each return parameter in `.reg` space.
        public internal(set) var returnRegisters: [RegisterID?] = []
        let source: SourceText

        init(source: SourceText) { self.source = source }

        /// The instruction's full name taken apart.
        public func mnemonic(_ instruction: Instruction) -> Mnemonic {
            mnemonics[Int(instruction.mnemonic)]
        }

        /// The operands of a range, such as an instruction's or a vector's.
        public func operands(_ range: OperandRange) -> ArraySlice<Operand> {
            operands[range.indices]
        }

        /// A register as declared.
        public func register(_ id: RegisterID) -> Register { registers[id.index] }

        /// A register's name as written, for messages.
        public func name(_ id: RegisterID) -> String {
            let register = registers[id.index]
            return source.string(register.nameOffset, register.nameLength)
        }
    }
}

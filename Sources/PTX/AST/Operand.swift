extension Syntax {
    /// A virtual register of a body: index into `FunctionBody.registers`.
    public struct RegisterID: Hashable, Sendable {
        let raw: UInt32
        /// The index.
        public var index: Int { Int(raw) }
        /// The register at `index`.
        public init(_ index: Int) { raw = UInt32(truncatingIfNeeded: index) }
    }

    /// Operands that lie next to each other in `FunctionBody.operands`.
    public struct OperandRange: Hashable, Sendable {
        let first: UInt32
        let length: UInt32
        /// As indices of `FunctionBody.operands`.
        public var indices: Range<Int> { Int(first)..<Int(first) + Int(length) }
        /// How many.
        public var count: Int { Int(length) }
    }

    /// What an address starts from.
    public enum AddressBase: Hashable, Sendable {
        /// Nothing: `[16]`.
        case absolute
        /// A register's value.
        case register(RegisterID)
        /// A formal parameter of the function: index into `Function.parameters`.
        case parameter(UInt32)
        /// A return parameter of the function: index into `Function.returns`.
        case returnParameter(UInt32)
        /// A variable declared in the body: index into `FunctionBody.variables`.
        case local(UInt32)
        /// A variable at module scope: index into `Module.variables`.
        case global(UInt32)
        /// A function: index into `Module.functions`.
        case function(UInt32)
    }

    /// A base and a byte offset.
    public struct Address: Hashable, Sendable {
        /// The base.
        public let base: AddressBase
        /// Bytes added to it.
        public let offset: Int64
    }

    /// The part of a register named by a suffix.
    public enum RegisterPart: Hashable, Sendable {
        /// An element of a vector register (`.r .g .b .a` are the same).
        case x, y, z, w
        /// A byte, for video instructions.
        case b0, b1, b2, b3
        /// A half word, for video instructions.
        case h0, h1
        /// `.b7654`, `.b310`: two to four bytes of packed video instructions (a mask on the
        /// destination, a selection on sources), 4 bits each, the last written in the low bits.
        case bytes(count: UInt8, selectors: UInt16)
        /// `.h10`, `.h32`: two halves, 4 bits each, the last written in the low bits.
        case halves(selectors: UInt8)
    }

    /// An operand. Holds no references: copying is free.
    public enum Operand: Hashable, Sendable {
        /// `%r1`
        case register(RegisterID)
        /// `%v.x`, `%r1.b0`
        case part(RegisterID, RegisterPart)
        /// `-%r1`: a negated source of a video instruction (`vmad`), with its part if any.
        case negatedRegister(RegisterID, RegisterPart?)
        /// `!%p1`
        case notPredicate(RegisterID)
        /// `%p1|%p2`, `%r1|%p1`: two destinations; nil where `_` is written.
        case pair(RegisterID?, RegisterID?)
        /// `{a, b, c, d}|%p1`: a texel and whether it is resident.
        case vectorPair(OperandRange, RegisterID)
        /// `%tid.x`
        case special(SpecialRegister)
        /// An integer constant (also of a constant expression), as 64 bits: sign-extended when
        /// signed; take the low bits that the instruction needs.
        case integer(UInt64)
        /// `0f3F800000`: the bits of a single.
        case float32(UInt32)
        /// `0d3FF0000000000000`, `1.0`: the bits of a double.
        case float64(UInt64)
        /// An address as a value, without brackets: `symbol`, `symbol+8`. The base is never
        /// `.absolute` or `.register`. A function's name is this too, with offset 0.
        case address(Address)
        /// Memory: `[%rd1+16]`.
        case memory(Address)
        /// Memory with several parts, as textures, surfaces and tensor copies have:
        /// `[tex, {x, y}]`, `[tex, samp, {x, y}]`. The first part is a `.memory`; the others are
        /// written without brackets, so a sampler is a `.address` or (bindless) `.register`.
        case tuple(OperandRange)
        /// `{a, b, c, d}`
        case vector(OperandRange)
        /// `(a, b)`: arguments or results of a call.
        case list(OperandRange)
        /// `_`
        case sink
        /// A place to branch to: index into `FunctionBody.labels`.
        case label(UInt32)
        /// The table of `brx.idx`: index into `FunctionBody.branchTables`.
        case branchTable(UInt32)
        /// The prototype of an indirect call: index into `FunctionBody.prototypes`.
        case prototype(UInt32)
        /// The possible targets of an indirect call: index into `FunctionBody.callTargets`.
        case callTargets(UInt32)
        /// Nothing: the missing prototype of a `call`.
        case absent
    }
}

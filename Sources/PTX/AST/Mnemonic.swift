extension Syntax {
    /// An instruction's full name, `ld.global.v4.f32`, taken apart. Each distinct one is there
    /// once in `FunctionBody.mnemonics`, so a lowering can decode it once.
    public struct Mnemonic: Sendable {
        /// `ld`
        public internal(set) var opcode: Opcode
        /// Everything after the opcode that is neither a type nor a shape, in order:
        /// `[.global, .v4]`.
        public internal(set) var modifiers: [Modifier]
        /// The types in order, `[.f32]`; for `cvt` destination, source.
        public internal(set) var types: [ScalarType]
        /// The shape of a matrix instruction.
        public internal(set) var shape: Shape?
        /// The full name as written.
        public internal(set) var name: String

        /// Whether a modifier is there.
        public func has(_ modifier: Modifier) -> Bool { modifiers.contains(modifier) }
    }

    /// `m16n8k16`; k is 0 where there is none (`ldmatrix.m8n8`).
    public struct Shape: Sendable, Hashable {
        /// The extents.
        public let m, n, k: Int
        /// A shape.
        public init(m: Int, n: Int, k: Int) {
            self.m = m
            self.n = n
            self.k = k
        }
    }
}

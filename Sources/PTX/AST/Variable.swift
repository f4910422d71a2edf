extension Syntax {
    /// A variable in memory: at module scope, or declared in a function's body (`.shared`,
    /// `.local`, and the `.param` objects of call sequences).
    public struct Variable: Sendable {
        /// The name as written; at module scope unique in the module, in a body not unique.
        public internal(set) var name: String
        /// Whether other modules see it; `.module` in bodies unless `.extern` is written.
        public internal(set) var linkage: Linkage
        /// Where it lives.
        public internal(set) var space: StateSpace
        /// The element type.
        public internal(set) var type: ScalarType
        /// Elements of the vector type: 1, 2, 4 or 8.
        public internal(set) var vectorWidth: Int
        /// The dimensions of an array, outermost first; empty for a scalar. A first dimension
        /// left out is 0 unless the initialiser gives it.
        public internal(set) var dimensions: [Int]
        /// Whether the first dimension was left out and no initialiser gave it: an `.extern`
        /// array (dynamic shared memory when `.shared`).
        public internal(set) var isUnsized: Bool
        /// Bytes; 0 for an unsized array.
        public internal(set) var size: Int
        /// Bytes, a power of two: `.align`, or the natural alignment of the (vector) type.
        public internal(set) var alignment: Int
        /// Whether `.attribute(.managed)` is there.
        public internal(set) var isManaged: Bool
        /// The initial bytes; nil when there is no initialiser (zero for `.global`, `.const`).
        public internal(set) var initializer: Initializer?
        /// `key = value` pairs of an initialised `.samplerref`/`.texref`/`.surfref`.
        public internal(set) var opaqueFields: [OpaqueField]
        /// The line of the declaration.
        public internal(set) var line: Int
    }

    /// One `filter_mode = linear` of an opaque variable's initialiser.
    public struct OpaqueField: Sendable, Equatable {
        /// Such as `addr_mode_0`.
        public let name: String
        /// Such as `clamp_to_edge`, or an integer as written.
        public let value: String
    }

    /// The initial contents of a variable.
    public struct Initializer: Sendable {
        /// The leading bytes, at most the variable's size; the rest is zero. Places of relocations
        /// are zero.
        public internal(set) var bytes: [UInt8]
        /// Addresses to be written into the bytes, by ascending offset.
        public internal(set) var relocations: [Relocation]
    }

    /// An address in an initialiser, known only at load time.
    public struct Relocation: Sendable, Equatable {
        /// What an initialiser can take the address of.
        public enum Target: Sendable, Equatable {
            /// A variable of the module.
            case variable(GlobalID)
            /// A function of the module.
            case function(FunctionID)
        }

        /// Where in the variable, in bytes.
        public internal(set) var offset: Int
        /// Bytes to write: 1, 2, 4 or 8 (little-endian, truncated).
        public internal(set) var size: Int
        /// Whose address.
        public internal(set) var target: Target
        /// Bytes added to the address.
        public internal(set) var addend: Int64
        /// Whether `generic(…)` was written: a generic address, else one in the target's space.
        public internal(set) var isGeneric: Bool
        /// The mask operator, as in `0xFF00(symbol)`: the value is
        /// `(address & mask) >> mask.trailingZeroBitCount`; all ones when not written.
        public internal(set) var mask: UInt64
    }
}

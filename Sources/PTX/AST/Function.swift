extension Syntax {
    /// A formal or return parameter of an entry, a device function or a call prototype.
    public struct Parameter: Sendable, Equatable {
        /// The name; "_" in prototypes.
        public internal(set) var name: String
        /// `.parameter` or (device functions only) `.register`.
        public internal(set) var space: StateSpace
        /// The element type.
        public internal(set) var type: ScalarType
        /// Elements of the vector type: 1, 2, 4 or 8.
        public internal(set) var vectorWidth: Int
        /// Elements of an array; nil for a scalar, 0 for an unsized array (variable arguments).
        public internal(set) var elements: Int?
        /// Bytes.
        public internal(set) var size: Int
        /// Bytes, a power of two.
        public internal(set) var alignment: Int
        /// Bytes from the start of the parameter block: the running offset rounded up to
        /// `alignment`.
        public internal(set) var offset: Int
        /// `.ptr`: what a pointer parameter of an entry points at.
        public internal(set) var pointer: Pointer?
    }

    /// The `.ptr .space .align n` attribute of a pointer parameter.
    public struct Pointer: Sendable, Equatable {
        /// `.global`, `.constant`, `.shared` or `.local`; nil for generic.
        public internal(set) var space: StateSpace?
        /// Bytes; 4 when not written.
        public internal(set) var alignment: Int
    }

    /// Three extents, those not written being 1.
    public struct Extents: Sendable, Equatable {
        /// The extents.
        public let x, y, z: Int
        /// Extents.
        public init(x: Int, y: Int, z: Int) {
            self.x = x
            self.y = y
            self.z = z
        }
        /// The product; the parser guarantees that it does not overflow.
        public var product: Int { x * y * z }
    }

    /// Performance-tuning and other directives between a function's header and its body.
    public struct FunctionDirectives: Sendable, Equatable {
        /// `.maxntid`
        public internal(set) var maxThreads: Extents?
        /// `.reqntid`
        public internal(set) var requiredThreads: Extents?
        /// `.minnctapersm`
        public internal(set) var minBlocksPerMultiprocessor: Int?
        /// `.maxnctapersm` (deprecated)
        public internal(set) var maxBlocksPerMultiprocessor: Int?
        /// `.maxnreg`
        public internal(set) var maxRegisters: Int?
        /// `.maxclusterrank`
        public internal(set) var maxClusterRank: Int?
        /// `.reqnctapercluster`
        public internal(set) var requiredClusterSize: Extents?
        /// `.explicitcluster`
        public internal(set) var hasExplicitCluster = false
        /// `.blocksareclusters`
        public internal(set) var blocksAreClusters = false
        /// `.noreturn`
        public internal(set) var isNoReturn = false
        /// The strings of `.pragma`.
        public internal(set) var pragmas: [String] = []
    }

    /// An `.entry` or a `.func`.
    ///
    /// A declaration and the definition of the same name are one function.
    public struct Function: Sendable {
        /// The name, unique in the module.
        public internal(set) var name: String
        /// Whether it is an `.entry`, that is a kernel.
        public internal(set) var isEntry: Bool
        /// Whether other modules see it.
        public internal(set) var linkage: Linkage
        /// Return parameters, in their own parameter block.
        public internal(set) var returns: [Parameter]
        /// Formal parameters.
        public internal(set) var parameters: [Parameter]
        /// Bytes of the parameter block: the end of the last parameter, not rounded up.
        public internal(set) var parameterBytes: Int
        /// Directives.
        public internal(set) var directives: FunctionDirectives
        /// The line of the `.entry` or `.func`.
        public internal(set) var line: Int
        /// Where the body's text is; nil for a declaration only.
        var extent: BodyExtent?
        /// The parameters' names, as places in the text.
        let parameterPlaces: [Range<Int>]
        let returnPlaces: [Range<Int>]
        let scope: ModuleScope

        /// Whether there is a body in this module.
        public var hasBody: Bool { extent != nil }

        /// Parses the body, anew each time: the result is not kept.
        ///
        /// - Throws: the first error in the body, also when there is no body.
        public func parseBody() throws(PTXError) -> FunctionBody {
            guard let extent else {
                throw PTXError(line: line, message: "function '\(name)' has no body here")
            }
            return try BodyParser.parse(self, extent)
        }
    }

    /// `.callprototype`: the signature of an indirect call.
    public struct Prototype: Sendable, Equatable {
        /// Return parameters.
        public internal(set) var returns: [Parameter]
        /// Formal parameters.
        public internal(set) var parameters: [Parameter]
        /// `.noreturn`
        public internal(set) var isNoReturn: Bool
    }
}

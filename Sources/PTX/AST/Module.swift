extension Syntax {
    /// `.version 8.5`
    public struct Version: Sendable, Hashable, Comparable, CustomStringConvertible {
        /// The parts.
        public let major, minor: Int
        /// A version.
        public init(major: Int, minor: Int) {
            self.major = major
            self.minor = minor
        }
        /// By major, then minor.
        public static func < (a: Version, b: Version) -> Bool {
            (a.major, a.minor) < (b.major, b.minor)
        }
        /// As written.
        public var description: String { "\(major).\(minor)" }
    }

    /// `.target sm_90a, debug`
    public struct Target: Sendable, Hashable {
        /// 90 of `sm_90a`.
        public let architecture: Int
        /// What follows the number: "", "a" (this architecture only) or "f" (its family).
        public let suffix: String
        /// Further words in order, such as `debug`, `texmode_independent`.
        public let options: [String]
    }

    /// A PTX text: everything but the bodies.
    public final class Module: Sendable {
        /// `.version`
        public let version: Version
        /// `.target`
        public let target: Target
        /// 32 or 64; 32 when the text has no `.address_size` (as the ISA says).
        public let addressSize: Int
        /// Variables at module scope, in order of first declaration.
        public let variables: [Variable]
        /// Entries and device functions, in order of first declaration, declarations and
        /// `.alias`es included.
        public let functions: [Function]
        /// `.alias a, b`: index of a ⟶ index of b, of `functions`.
        public let aliases: [FunctionID: FunctionID]
        /// `.pragma` at module scope.
        public let pragmas: [String]
        private let source: SourceText
        private let functionsByName: [String: FunctionID]
        private let variablesByName: [String: GlobalID]

        /// Scans a text, which is copied; it ends at the first NUL byte or at the end.
        ///
        /// - Throws: the first error outside function bodies.
        public convenience init(_ text: UnsafeRawBufferPointer) throws(PTXError) {
            try self.init(SourceText(text))
        }

        /// Scans a text held in an array.
        ///
        /// - Throws: the first error outside function bodies.
        public convenience init(_ text: [UInt8]) throws(PTXError) {
            try self.init(text.withUnsafeBytes { SourceText($0) })
        }

        private init(_ source: SourceText) throws(PTXError) {
            let scan = try ModuleParser.parse(source)
            self.source = source
            version = scan.version
            target = scan.target
            addressSize = scan.addressSize
            variables = scan.variables
            functions = scan.functions
            aliases = scan.aliases
            pragmas = scan.pragmas
            functionsByName = Dictionary(
                uniqueKeysWithValues: scan.functions.enumerated().map {
                    ($1.name, FunctionID($0))
                }
            )
            variablesByName = Dictionary(
                uniqueKeysWithValues: scan.variables.enumerated().map { ($1.name, GlobalID($0)) }
            )
        }

        /// Whether the module is that of a text, which ends with the array.
        public func isOf(_ text: [UInt8]) -> Bool {
            text.withUnsafeBytes { source.isEqual(to: $0) }
        }

        /// The function of a name, with `.alias`es followed.
        public func function(named name: String) -> FunctionID? {
            functionsByName[name].map { aliases[$0] ?? $0 }
        }

        /// The module-scope variable of a name.
        public func variable(named name: String) -> GlobalID? { variablesByName[name] }
    }
}

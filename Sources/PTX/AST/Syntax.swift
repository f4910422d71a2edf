/// The syntax tree of PTX ISA 7.0–9.5.
///
/// A `Module` is scanned at once (directives, variables, function headers); a function's body is
/// parsed on demand by `Function.parseBody()`, because libraries have huge modules of which a
/// program uses few kernels. All names are resolved by the parser: lexical scopes, shadowing and
/// re-declared `.param` objects of call sequences do not reach the tree.
///
/// All types are immutable values or immutable classes and safe to use from any thread.
public enum Syntax {
    /// A function of the module: index into `Module.functions`.
    public struct FunctionID: Hashable, Sendable {
        /// The index.
        public let index: Int
        /// The function at `index`.
        public init(_ index: Int) { self.index = index }
    }

    /// A variable at module scope: index into `Module.variables`.
    public struct GlobalID: Hashable, Sendable {
        /// The index.
        public let index: Int
        /// The variable at `index`.
        public init(_ index: Int) { self.index = index }
    }

    /// Who can see a symbol outside its module.
    public enum Linkage: Sendable {
        /// No directive: known in this module only.
        case module
        /// `.visible`
        case visible
        /// `.extern`: defined elsewhere (or, for unsized `.shared`, sized at launch).
        case external
        /// `.weak`
        case weak
        /// `.common`
        case common
    }

    /// Where a variable lives.
    public enum StateSpace: Sendable {
        /// `.reg`: only of parameters of device functions; registers proper are `Register`s.
        case register
        /// `.global`
        case global
        /// `.const`; `bank` of the deprecated `.const[n]` is not kept.
        case constant
        /// `.shared` (also `.shared::cta`)
        case shared
        /// `.local`
        case local
        /// `.param`
        case parameter
    }
}

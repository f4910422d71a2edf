/// A description of a C driver API, as read from `api/cuda.api`.
///
/// The grammar is explained at the head of that file. Everything that can be generated about the
/// driver API is generated from this value, so that header, exports, wire and documentation cannot
/// disagree.
public struct Description: Sendable {
    /// Type declarations in the order of the file.
    public var types: [TypeDeclaration] = []
    /// Status codes, ascending.
    public var results: [ResultCode] = []
    /// Calls in the order of the file.
    public var calls: [Call] = []

    /// Creates an empty description.
    public init() {}

    /// The call with this exported name, if the description has it.
    public func call(named name: String) -> Call? {
        calls.first { $0.name == name }
    }
}

/// A named type of the API.
public enum TypeDeclaration: Sendable, Equatable {
    /// Another name of a C scalar.
    case scalar(name: String, base: String)
    /// A pointer to something that only the driver knows.
    case handle(name: String)
    /// A C enumeration; always as wide as `int`.
    case enumeration(name: String)
    /// A structure that is only passed by pointer and never looked into.
    case opaque(name: String)
    /// A function pointer: `result (arguments)` in the spelling of the description.
    case callback(name: String, result: String, arguments: [Argument])
    /// A structure whose layout is known.
    case structure(name: String, fields: [Field])

    /// The declared name.
    public var name: String {
        switch self {
        case .scalar(let name, _), .handle(let name), .enumeration(let name),
            .opaque(let name), .callback(let name, _, _), .structure(let name, _):
            name
        }
    }
}

/// A member of a structure.
public struct Field: Sendable, Equatable {
    /// Spelling of the type in the description.
    public var type: String
    /// Name of the member.
    public var name: String
    /// Number of elements, or `nil` when it is no array.
    public var count: Int?
}

/// A status code.
public struct ResultCode: Sendable, Equatable {
    /// Numeric value, as the ABI has it.
    public var value: Int
    /// Name, as `cuGetErrorName` returns it.
    public var name: String
    /// Text, as `cuGetErrorString` returns it.
    public var text: String
}

/// Which way the value of an argument goes.
public enum Direction: String, Sendable {
    /// Read by the call.
    case input = "in"
    /// A pointer that the call writes to.
    case output = "out"
    /// A pointer that receives a handle made by the client.
    case new
}

/// One argument of a call.
public struct Argument: Sendable, Equatable {
    /// Which way the value goes.
    public var direction: Direction
    /// Spelling of the type in the description, e.g. `const CUevent*`.
    public var type: String
    /// Name in our own words.
    public var name: String
    /// How much a pointer points to, when that is not one element.
    public var length: Length?
}

/// How much a pointer argument points to.
public enum Length: Sendable, Equatable {
    /// As many elements, bytes for `void` and `char`, as another argument says.
    case argument(String)
    /// Text that ends with a NUL.
    case text
    /// An image of device code, whose own headers say how long it is.
    case image
    /// What the kernel's parameter list says.
    case kernel
    /// Elements until one that is null.
    case end
    /// What the attribute asked for takes.
    case attribute

    /// The length that the description spells so.
    init(spelled word: String) {
        switch word {
        case "text": self = .text
        case "image": self = .image
        case "kernel": self = .kernel
        case "end": self = .end
        case "attribute": self = .attribute
        default: self = .argument(word)
        }
    }
}

/// How the client library answers a call.
public enum ClientHandling: Sendable, Equatable {
    /// In the program's process.
    case local
    /// Encoded by generated code, no reply.
    case send(opcode: UInt16)
    /// Encoded by generated code, waits for the reply.
    case wait(opcode: UInt16)
    /// Encoded by hand, with this opcode.
    case custom(opcode: UInt16)
    /// By hand, made of other calls.
    case composed
    /// Exactly as another call.
    case alias(of: String)
    /// Refused with "not supported".
    case none(reason: String)
}

/// Which of the per-thread default stream's variants a symbol is.
public enum StreamVariant: String, Sendable {
    /// Stream 0 is the legacy default stream.
    case legacy = ""
    /// A synchronous call that works on the calling thread's default stream.
    case perThread = "ptds"
    /// A call with a stream argument whose 0 means the calling thread's default stream.
    case perThreadStream = "ptsz"
}

/// One exported symbol.
public struct Call: Sendable, Equatable {
    /// Exported name.
    public var name: String
    /// Name by which `cuGetProcAddress` is asked for it.
    public var base: String
    /// CUDA version that introduced this variant, e.g. 12080.
    public var version: Int
    /// Which default stream it means.
    public var variant: StreamVariant
    /// Arguments in order.
    public var arguments: [Argument]
    /// How the client library answers it.
    public var client: ClientHandling
    /// Whether the worker's half is generated.
    public var workerIsGenerated: Bool
    /// Whether the software GPU implements it.
    public var isSoftware: Bool

    /// The opcode of the call, if it crosses the wire under one of its own.
    public var opcode: UInt16? {
        switch client {
        case .send(let opcode), .wait(let opcode), .custom(let opcode): opcode
        case .local, .composed, .alias, .none: nil
        }
    }
}

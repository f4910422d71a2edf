/// Why a description could not be read.
public struct DescriptionError: Error, Equatable, CustomStringConvertible {
    /// Line of the description, from 1.
    public var line: Int
    /// What is wrong there.
    public var message: String

    /// `line N: message`
    public var description: String { "line \(line): \(message)" }
}

/// Reads the text of an `.api` file.
public struct DescriptionParser {
    private var description = Description()
    private var pending: PendingCall?
    private var structure: (name: String, fields: [Field])?
    private var line = 0
    private var typeNames: Set<String> = []
    private var callNames: Set<String> = []
    private var opcodes: [UInt16: String] = [:]
    private var aliases: [(line: Int, name: String, original: String)] = []

    private struct PendingCall {
        var name: String
        var line: Int
        var identity: (base: String, version: Int, variant: StreamVariant)?
        var arguments: [Argument] = []
        var client: ClientHandling?
        var worker: Bool?
        var soft: Bool?
    }

    /// Parses a whole description.
    ///
    /// - Parameter text: The contents of the file.
    /// - Throws: `DescriptionError` for the first line that is not understood, a name that is
    ///   declared twice, a type that is not declared, an opcode that is used twice, or an alias of
    ///   nothing.
    public static func parse(_ text: String) throws(DescriptionError) -> Description {
        var parser = DescriptionParser()
        for raw in text.split(separator: "\n", omittingEmptySubsequences: false) {
            parser.line += 1
            try parser.take(String(raw))
        }
        try parser.finishStructure()
        try parser.finishCall()
        try parser.checkAliases()
        return parser.description
    }

    private func fail(_ message: String) -> DescriptionError {
        DescriptionError(line: line, message: message)
    }

    private mutating func take(_ raw: String) throws(DescriptionError) {
        let isIndented = raw.first == " "
        let words = raw.split(separator: " ").map(String.init)
        guard let first = words.first, !first.hasPrefix("#") else { return }
        if isIndented, structure != nil { return try takeField(words) }
        if isIndented { return try takeCallLine(first, Array(words.dropFirst())) }
        try finishStructure()
        try finishCall()
        try takeDeclaration(first, Array(words.dropFirst()), raw)
    }

    private static let typeKeywords: Set<String> = [
        "scalar", "handle", "enum", "opaque", "callback", "struct",
    ]

    private mutating func takeDeclaration(
        _ keyword: String,
        _ words: [String],
        _ raw: String
    ) throws(DescriptionError) {
        guard let name = words.first else { throw fail("'\(keyword)' needs a name") }
        if Self.typeKeywords.contains(keyword) { try declare(name) }
        switch keyword {
        case "scalar" where words.count == 2:
            description.types.append(.scalar(name: name, base: words[1]))
        case "handle": description.types.append(.handle(name: name))
        case "enum": description.types.append(.enumeration(name: name))
        case "opaque": description.types.append(.opaque(name: name))
        case "callback": try takeCallback(name, raw)
        case "struct": structure = (name, [])
        case "result":
            guard let value = Int(name), words.count >= 3 else {
                throw fail("a result is 'result VALUE NAME TEXT'")
            }
            guard !description.results.contains(where: { $0.value == value }) else {
                throw fail("result \(value) is declared twice")
            }
            let text = words.dropFirst(2).joined(separator: " ")
            description.results.append(ResultCode(value: value, name: words[1], text: text))
        case "call":
            guard callNames.insert(name).inserted else { throw fail("\(name) is declared twice") }
            pending = PendingCall(name: name, line: line)
        default: throw fail("'\(keyword)' is not a declaration")
        }
    }

    private mutating func takeCallback(_ name: String, _ raw: String) throws(DescriptionError) {
        guard let open = raw.firstIndex(of: "("), raw.last == ")" else {
            throw fail("a callback is 'callback NAME RESULT (TYPE NAME, …)'")
        }
        let head = raw[..<open].split(separator: " ").map(String.init)
        guard head.count == 3 else { throw fail("the callback has no result type") }
        let inside = raw[raw.index(after: open)...].dropLast()
        var arguments: [Argument] = []
        for part in inside.split(separator: ",") {
            var words = part.split(separator: " ").map(String.init)
            guard words.count >= 2 else { throw fail("'\(part)' is not 'TYPE NAME'") }
            let argument = words.removeLast()
            let type = words.joined(separator: " ")
            arguments.append(Argument(direction: .input, type: type, name: argument))
        }
        description.types.append(.callback(name: name, result: head[2], arguments: arguments))
    }

    private mutating func takeField(_ words: [String]) throws(DescriptionError) {
        guard words.count >= 2, var name = words.last else { throw fail("'TYPE NAME' expected") }
        var count: Int?
        if let bracket = name.firstIndex(of: "[") {
            count = Int(name[name.index(after: bracket)...].dropLast())
            guard count != nil else { throw fail("'\(name)' has no length") }
            name = String(name[..<bracket])
        }
        let type = words.dropLast().joined(separator: " ")
        structure?.fields.append(Field(type: type, name: name, count: count))
    }

    private mutating func takeCallLine(
        _ keyword: String,
        _ words: [String]
    ) throws(DescriptionError) {
        guard pending != nil else { throw fail("'\(keyword)' outside of a call") }
        switch keyword {
        case "name":
            guard words.count >= 2, let version = Int(words[1]),
                let variant = StreamVariant(rawValue: words.count > 2 ? words[2] : "")
            else { throw fail("'name BASE VERSION [ptsz|ptds]' expected") }
            pending?.identity = (words[0], version, variant)
        case "in", "out", "new":
            let argument = try argument(keyword, words)
            pending?.arguments.append(argument)
        case "client":
            let client = try handling(words)
            try register(client)
            pending?.client = client
        case "worker":
            let isGenerated = try choice(words, "auto", "custom")
            pending?.worker = isGenerated
        case "soft":
            let isSoftware = try choice(words, "yes", "none")
            pending?.soft = isSoftware
        default: throw fail("'\(keyword)' is not part of a call")
        }
    }

    /// `TYPE NAME` or `TYPE NAME [LENGTH]`.
    private func argument(
        _ keyword: String,
        _ words: [String]
    ) throws(DescriptionError) -> Argument {
        var words = words
        var length: Length?
        if let last = words.last, last.hasPrefix("["), last.hasSuffix("]") {
            length = Length(spelled: String(last.dropFirst().dropLast()))
            words.removeLast()
        }
        guard let direction = Direction(rawValue: keyword), words.count >= 2,
            let name = words.last
        else { throw fail("'\(keyword) TYPE NAME [LENGTH]' expected") }
        let type = words.dropLast().joined(separator: " ")
        try check(type, direction)
        guard length == nil || type.hasSuffix("*") else {
            throw fail("'\(name)' is no pointer and has no length")
        }
        return Argument(direction: direction, type: type, name: name, length: length)
    }

    private func choice(
        _ words: [String],
        _ yes: String,
        _ no: String
    ) throws(DescriptionError) -> Bool {
        guard words == [yes] || words == [no] else { throw fail("'\(yes)' or '\(no)' expected") }
        return words == [yes]
    }

    private func handling(_ words: [String]) throws(DescriptionError) -> ClientHandling {
        let rest = words.dropFirst().joined(separator: " ")
        let opcode = rest.hasPrefix("0x") ? UInt16(rest.dropFirst(2), radix: 16) : nil
        switch (words.first, opcode) {
        case ("local", _): return .local
        case ("composed", _): return .composed
        case ("send", let opcode?): return .send(opcode: opcode)
        case ("wait", let opcode?): return .wait(opcode: opcode)
        case ("custom", let opcode?): return .custom(opcode: opcode)
        case ("alias", _) where !rest.isEmpty: return .alias(of: rest)
        case ("none", _) where !rest.isEmpty: return .none(reason: rest)
        default: throw fail("'\(words.joined(separator: " "))' does not say how a call is answered")
        }
    }

    private mutating func finishStructure() throws(DescriptionError) {
        guard let done = structure else { return }
        guard !done.fields.isEmpty else { throw fail("structure \(done.name) has no members") }
        description.types.append(.structure(name: done.name, fields: done.fields))
        structure = nil
    }

    private mutating func finishCall() throws(DescriptionError) {
        guard let call = pending else { return }
        pending = nil
        guard let identity = call.identity, let client = call.client, let soft = call.soft else {
            throw DescriptionError(line: call.line, message: "\(call.name) is incomplete")
        }
        for case .argument(let name)? in call.arguments.map(\.length) {
            guard call.arguments.contains(where: { $0.name == name }) else {
                let message = "\(call.name) has no argument '\(name)' that could be a length"
                throw DescriptionError(line: call.line, message: message)
            }
        }
        var isGenerated = false
        switch client {
        case .send, .wait: isGenerated = call.worker ?? true
        case .custom: isGenerated = call.worker ?? false
        case .local, .composed, .alias, .none: break
        }
        description.calls.append(
            Call(
                name: call.name,
                base: identity.base,
                version: identity.version,
                variant: identity.variant,
                arguments: call.arguments,
                client: client,
                workerIsGenerated: isGenerated,
                isSoftware: soft
            )
        )
    }

    private func checkAliases() throws(DescriptionError) {
        for alias in aliases where !callNames.contains(alias.original) {
            let message = "\(alias.name) is an alias of \(alias.original), which is not declared"
            throw DescriptionError(line: alias.line, message: message)
        }
    }

    // MARK: - What a line may not say

    /// Remembers a type's name.
    private mutating func declare(_ name: String) throws(DescriptionError) {
        guard typeNames.insert(name).inserted else { throw fail("\(name) is declared twice") }
    }

    /// Checks that a type is declared, and that what a call writes to is a pointer.
    private func check(_ type: String, _ direction: Direction) throws(DescriptionError) {
        guard direction == .input || type.hasSuffix("*") else {
            throw fail("an argument that is written to is a pointer, and \(type) is none")
        }
        let name = type.split(separator: " ").last { $0 != "const" } ?? ""
        let base = String(name.prefix { $0 != "*" })
        guard typeNames.contains(base) || TypeNames.isBuiltIn(base) else {
            throw fail("the type \(base) is not declared")
        }
    }

    /// Remembers an opcode, or the alias that takes its place.
    private mutating func register(_ client: ClientHandling) throws(DescriptionError) {
        let name = pending?.name ?? ""
        switch client {
        case .alias(let original): aliases.append((line, name, original))
        case .send(let opcode), .wait(let opcode), .custom(let opcode):
            if let taken = WireEmitter.session.first(where: { $0.1 == opcode }) {
                throw fail("\(opcode) is the opcode of a record, \(taken.0)")
            }
            if let other = opcodes.updateValue(name, forKey: opcode) {
                throw fail("\(other) and \(name) have the same opcode")
            }
        case .local, .composed, .none: break
        }
    }
}

/// Where the fields of a request or reply lie.
struct WireLayout {
    /// A field of a message body.
    struct Slot {
        var argument: Argument
        /// The value's type: the argument's, or what its pointer points to.
        var type: String
        /// Offset in bytes from the start of the body.
        var offset: Int
    }

    var slots: [Slot] = []
    /// Bytes of the whole body, a multiple of 8.
    var size = 0

    /// The fields one after the other, each aligned to its own size, starting at `start`.
    init?(_ fields: [(Argument, String)], names: TypeNames, start: Int) {
        var offset = start
        for (argument, type) in fields {
            guard let size = names.wireSize(type) else { return nil }
            offset = (offset + size - 1) / size * size
            slots.append(Slot(argument: argument, type: type, offset: offset))
            offset += size
        }
        size = (offset + 7) / 8 * 8
    }

    /// The request of a call: everything passed by value, and the handles that the client makes.
    static func request(of call: Call, names: TypeNames) -> WireLayout? {
        var fields: [(Argument, String)] = []
        for argument in call.arguments {
            switch argument.direction {
            case .input: fields.append((argument, argument.type))
            case .new: fields.append((argument, names.pointee(argument.type)))
            case .output: break
            }
        }
        return WireLayout(fields, names: names, start: 0)
    }

    /// The reply of a call: after the status, everything it writes.
    static func reply(of call: Call, names: TypeNames) -> WireLayout? {
        let fields = call.arguments.filter { $0.direction == .output }
            .map { ($0, names.pointee($0.type)) }
        return WireLayout(fields, names: names, start: 8)
    }
}

/// Writes opcodes and the codecs of the calls whose messages are plain values.
struct WireEmitter {
    let description: Description
    let names: TypeNames

    /// Records that are no calls; their bodies are described in docs/formats/wire.md.
    static let session: [(String, UInt16, String)] = [
        ("snapshot", 0x0001, "First record of a worker: what it offers."),
        ("failure", 0x0002, "The worker cannot serve; ends the connection."),
        ("reply", 0x0003, "Answer to the call with the same sequence number."),
        ("hostData", 0x0004, "Bytes of a copy to the program's memory."),
        ("output", 0x0005, "Text that kernels printed."),
        ("chunk", 0x0006, "Bytes that belong to the call that follows."),
        ("acknowledge", 0x0007, "How much of the other's stream the sender has."),
        ("resume", 0x0008, "The same, first on a connection that takes another's place."),
        ("image", 0x0009, "Names the image of the call that follows, in place of its bytes."),
        ("upload", 0x0020, "A copy to the GPU of bytes that came over a bulk channel."),
        ("download", 0x0021, "A copy to the program whose bytes go over the bulk channels."),
        ("stagingRoom", 0x0022, "Asks when there is room for more asynchronous copies."),
        ("management", 0x0030, "Asks what the server's management library says of a GPU."),
    ]

    func opcodes() -> String {
        var text = """
            // \(Generator.notice)

            /// What a record is about. The values never change their meaning.
            package enum Opcode: UInt16, Sendable, CaseIterable {

            """
        for (name, value, comment) in Self.session {
            text += "    /// \(comment)\n    case \(name) = 0x\(hex(value))\n"
        }
        let calls = description.calls.compactMap { call in
            call.opcode.map { (call.name, $0) }
        }.sorted { $0.1 < $1.1 }
        for (name, value) in calls {
            text += "    /// `\(name)`\n    case \(name) = 0x\(hex(value))\n"
        }
        text += "\n    /// The name of the call, or of the record.\n"
        text += "    package var name: StaticString {\n        switch self {\n"
        for name in Self.session.map(\.0) + calls.map(\.0) {
            text += "        case .\(name): \"\(name)\"\n"
        }
        return text + "        }\n    }\n}\n"
    }

    private func hex(_ value: UInt16) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    func messages() -> String {
        var text = "// \(Generator.notice)\n"
        for call in description.calls where Self.hasPlainCodec(call) {
            guard let request = WireLayout.request(of: call, names: names) else { continue }
            text += "\n" + message(call, request)
        }
        return text
    }

    /// Whether request and reply of the call are generated.
    static func hasPlainCodec(_ call: Call) -> Bool {
        switch call.client {
        case .send, .wait: true
        case .custom: call.workerIsGenerated
        case .local, .composed, .alias, .none: false
        }
    }

    private func message(_ call: Call, _ request: WireLayout) -> String {
        let list = request.slots.map { slot in
            "\(slot.argument.name): \(names.wireType(slot.type) ?? "UInt64")"
        }
        let parameters = (["to body: UnsafeMutableRawPointer"] + list).joined(separator: ", ")
        var text = """
            /// Request of `\(call.name)`.
            package enum \(Self.typeName(call)) {
                /// Bytes of the body.
                package static let size = \(request.size)

                /// Writes the body.
                @inline(__always)
                package static func encode(\(parameters)) {

            """
        if request.slots.isEmpty { text += "        _ = body\n" }
        for slot in request.slots {
            let type = names.wireType(slot.type) ?? "UInt64"
            text += "        body.storeBytes("
            text += "of: \(slot.argument.name), toByteOffset: \(slot.offset), as: \(type).self)\n"
        }
        return text + "    }\n}\n"
    }

    /// Name of the generated type of a request.
    static func typeName(_ call: Call) -> String {
        "Request_\(call.name)"
    }
}

/// Writes the client's half of the calls that are marked `send` or `wait`.
struct ClientEmitter {
    let description: Description
    let names: TypeNames

    func emit() -> String {
        var text = """
            // \(Generator.notice)

            package import CUDAABI
            internal import Driver
            internal import Wire

            extension ClientCalls {

            """
        for call in description.calls {
            switch call.client {
            case .send: text += function(call, waits: false)
            case .wait: text += function(call, waits: true)
            default: break
            }
        }
        return text + "}\n"
    }

    private func function(_ call: Call, waits: Bool) -> String {
        let parameters = call.arguments.map { "_ \($0.name): \(names.swiftOptional($0.type))" }
        var text = """

                /// `\(call.name)`, \(waits ? "answered by the server" : "sent without a reply").
                package static func \(call.name)(\(parameters.joined(separator: ", "))) -> CUresult {

            """
        for argument in call.arguments where argument.direction == .output {
            text += "        guard let \(argument.name) else { return Status.invalidValue }\n"
        }
        for argument in call.arguments where names.isHandle(argument.type) {
            let kind = Self.handleKind(argument.type)
            text += "        guard let \(argument.name)OnWire = Handles.\(kind)(\(argument.name))"
            text += " else { return invalidHandle() }\n"
        }
        let type = WireEmitter.typeName(call)
        let values = WireLayout.request(of: call, names: names)?.slots.map { slot in
            "\(slot.argument.name): \(encoded(slot))"
        }
        let list = (["to: body"] + (values ?? [])).joined(separator: ", ")
        let verb = waits ? "wait" : "send"
        let reply = WireLayout.reply(of: call, names: names)
        let hasValues = waits && reply?.slots.isEmpty == false
        let replySize = hasValues ? ", replySize: \(reply?.size ?? 0)" : ""
        // What is asked of an event is asked in its context by a thread that has none.
        let first = call.arguments.first { $0.direction == .input }
        let event = first.flatMap { waits && $0.type == "CUevent" ? $0.name : nil }
        let owner = event.map { ", of: .event(\($0)OnWire)" } ?? ""
        text += "        return Session.\(verb)(.\(call.name)\(owner), size: \(type).size"
        text += "\(replySize))"
        text += " { body in\n"
        text += "            \(type).encode(\(list))\n        }"
        text += waits ? replyClosure(call) : ""
        return text + "\n    }\n"
    }

    private func replyClosure(_ call: Call) -> String {
        guard let reply = WireLayout.reply(of: call, names: names), !reply.slots.isEmpty else {
            return ""
        }
        var text = " reply: { reply in\n"
        for slot in reply.slots {
            let type = names.wireType(slot.type) ?? "UInt64"
            let value = "reply.loadUnaligned(fromByteOffset: \(slot.offset), as: \(type).self)"
            let swift = names.swiftValue(slot.type)
            let converted = swift == type ? value : "\(swift)(truncatingIfNeeded: \(value))"
            text += "            \(slot.argument.name).pointee = \(converted)\n"
        }
        return text + "        }"
    }

    private func encoded(_ slot: WireLayout.Slot) -> String {
        let name = slot.argument.name
        if names.isHandle(slot.type) { return name + "OnWire" }
        let wire = names.wireType(slot.type) ?? "UInt64"
        return names.swiftValue(slot.type) == wire ? name : "\(wire)(truncatingIfNeeded: \(name))"
    }

    /// Name of the function that turns a handle of this type into its form on the wire.
    static func handleKind(_ type: String) -> String {
        let name = type.dropFirst(2)
        return name.prefix(1).lowercased() + name.dropFirst()
    }
}

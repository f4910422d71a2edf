/// Writes the worker's view of the driver it loads, and its half of the plain calls.
struct WorkerEmitter {
    let description: Description
    let names: TypeNames

    /// A structure of function pointers, one for each call that the worker may make.
    func table() -> String {
        let calls = description.calls.filter { call in
            if case .alias = call.client { return false }
            return call.isSoftware
        }
        var text = """
            // \(Generator.notice)

            package import CUDAABI

            /// The entry points of a driver library; `nil` where the library lacks one.
            package struct DriverTable: @unchecked Sendable {

            """
        for call in calls {
            let types = call.arguments.map { names.swiftOptional($0.type) }
            text += "    /// `\(call.name)`\n"
            text += "    package var \(call.name):\n"
            text += "        (@convention(c) (\(types.joined(separator: ", "))) -> CUresult)?\n"
        }
        text += """

                /// Looks every entry point up.
                package init(symbol: (StaticString) -> UnsafeMutableRawPointer?) {

            """
        for call in calls {
            text += "        \(call.name) = unsafeBitCast("
            text += "symbol(\"\(call.name)\"), to: type(of: \(call.name)))\n"
        }
        return text + "    }\n}\n"
    }

    func dispatch() -> String {
        var text = """
            // \(Generator.notice)

            internal import CUDAABI
            internal import Driver
            package import Wire

            extension Executor {
                /// Executes a call whose arguments are plain values.
                ///
                /// - Returns: `false` when the opcode is not one of those.
                /// - Throws: `ProtocolViolation` when the body has the wrong size.
                package func executePlain(_ record: Record) throws(ProtocolViolation) -> Bool {
                    switch record.opcode {

            """
        for call in description.calls
        where WireEmitter.hasPlainCodec(call) && call.workerIsGenerated {
            text += execution(call)
        }
        return text + "        default: return false\n        }\n        return true\n    }\n}\n"
    }

    private func execution(_ call: Call) -> String {
        guard let request = WireLayout.request(of: call, names: names),
            let reply = WireLayout.reply(of: call, names: names)
        else { return "" }
        let isSent: Bool
        if case .send = call.client { isSent = true } else { isSent = false }
        var text = "        case .\(call.name):\n"
        text += "            try record.expect(size: \(WireEmitter.typeName(call)).size)\n"
        var handles: [String] = []
        for slot in request.slots { text += decode(slot, &handles) }
        for slot in reply.slots { text += declare(slot) }
        text += "            guard let call = driver.\(call.name)"
        text += " else { finish(record, Status.notFound); break }\n"
        let arguments = call.arguments.map { argument in
            switch argument.direction {
            case .input: return argument.name
            case .output, .new: return "&\(argument.name)"
            }
        }
        text += "            let status = call(\(arguments.joined(separator: ", ")))\n"
        for slot in request.slots where slot.argument.direction == .new {
            let kind = ClientEmitter.handleKind(slot.type)
            text += "            if status == 0 { handles.\(kind)s.insert("
            text += "\(slot.argument.name)Handle, \(slot.argument.name), "
            text += "context: record.context) }\n"
        }
        if call.name.contains("Destroy"), let slot = request.slots.first {
            let kind = ClientEmitter.handleKind(slot.type)
            text += "            handles.\(kind)s.remove(\(slot.argument.name)Handle)\n"
        }
        text += finish(reply, hasValues: !isSent && !reply.slots.isEmpty)
        return text
    }

    private func decode(_ slot: WireLayout.Slot, _ handles: inout [String]) -> String {
        let name = slot.argument.name
        let wire = names.wireType(slot.type) ?? "UInt64"
        let load = "record.body.loadUnaligned(fromByteOffset: \(slot.offset), as: \(wire).self)"
        let indent = "            "
        if slot.argument.direction == .new {
            let kind = ClientEmitter.handleKind(slot.type)
            return indent + "let \(name)Handle = \(load)\n" + indent
                + "guard handles.\(kind)s.accepts(\(name)Handle)"
                + " else { finish(record, Status.invalidHandle); break }\n" + indent
                + "var \(name): \(slot.type)?\n"
        }
        if names.isHandle(slot.type) {
            let kind = ClientEmitter.handleKind(slot.type)
            return indent + "let \(name)Handle = \(load)\n" + indent
                + "guard let \(name) = handles.\(kind)s.find(\(name)Handle)"
                + " else { finish(record, Status.invalidHandle); break }\n"
        }
        let swift = names.swiftValue(slot.type)
        let value = swift == wire ? load : "\(swift)(truncatingIfNeeded: \(load))"
        var text = indent + "let \(name) = \(value)\n"
        // An address may only ever name memory of the GPU (rule 11 of the data plane).
        if slot.type == "CUdeviceptr" {
            text += indent + "guard isDeviceMemory(\(name))"
            text += " else { finish(record, Status.invalidValue); break }\n"
        }
        return text
    }

    private func declare(_ slot: WireLayout.Slot) -> String {
        "            var \(slot.argument.name): \(names.swiftValue(slot.type)) = 0\n"
    }

    private func finish(_ reply: WireLayout, hasValues: Bool) -> String {
        guard hasValues else {
            return "            finish(record, status)\n"
        }
        var text = "            finish(record, status, size: \(reply.size)) { reply in\n"
        for slot in reply.slots {
            let wire = names.wireType(slot.type) ?? "UInt64"
            let name = slot.argument.name
            let value =
                names.swiftValue(slot.type) == wire
                ? name : "\(wire)(truncatingIfNeeded: \(name))"
            text += "                reply.storeBytes("
            text += "of: \(value), toByteOffset: \(slot.offset), as: \(wire).self)\n"
        }
        return text + "            }\n"
    }
}

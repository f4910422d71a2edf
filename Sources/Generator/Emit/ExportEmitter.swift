/// Writes the exported functions of one `libcuda.so.1`.
struct ExportEmitter {
    /// Which of the two libraries.
    enum Library {
        case client, software
    }

    let description: Description
    let names: TypeNames
    let library: Library

    private var target: String { library == .client ? "ClientCalls" : "SoftCalls" }
    private var module: String { library == .client ? "Client" : "SoftGPU" }

    /// Files of at most this many exports, so that none is unreadable.
    private static let chunk = 120

    func emit() -> [(name: String, text: String)] {
        stride(from: 0, to: description.calls.count, by: Self.chunk).map { start in
            let end = min(start + Self.chunk, description.calls.count)
            let number = start / Self.chunk + 1
            return ("Exports\(number).swift", file(description.calls[start..<end]))
        }
    }

    private func file(_ calls: ArraySlice<Call>) -> String {
        var text = "// \(Generator.notice)\n\npublic import CUDAABI\ninternal import \(module)\n"
        for (index, call) in zip(calls.indices, calls) { text += "\n" + export(call, index) }
        return text
    }

    private func export(_ call: Call, _ index: Int) -> String {
        let list = call.arguments.map { "_ \($0.name): \(names.swiftParameter($0.type))" }
        return """
            @c @implementation
            public func \(call.name)(\(list.joined(separator: ", "))) -> CUresult {
                \(counted(body(call), call, index))
            }

            """
    }

    /// The client's library counts its calls when it is told to.
    private func counted(_ body: String, _ call: Call, _ index: Int) -> String {
        guard library == .client else { return body }
        let counted = "Tracing.call(\(index), \"\(call.name)\") { \(body) }"
        guard Self.repeated.contains(call.name) else { return counted }
        let arguments = call.arguments.map(\.name).joined(separator: ", ")
        return "\(target).\(call.name)Again(\(arguments)) ?? \(counted)"
    }

    /// Calls that the client makes in a shorter way when they are as the last time and nothing is counted.
    private static let repeated: Set = ["cuLaunchKernel"]

    private func body(_ call: Call) -> String {
        guard isSupported(call) else { return "\(target).notSupported(\"\(call.name)\")" }
        let plain = call.arguments.map(\.name).joined(separator: ", ")
        guard case .alias(let original) = call.client else {
            return "\(target).\(call.name)(\(plain))"
        }
        guard call.variant == .perThreadStream else {
            return "\(target).\(original)(\(plain))"
        }
        if call.arguments.contains(where: { $0.type == "const CUlaunchConfig*" }) {
            return "\(target).\(call.name)(\(plain))"
        }
        let mapped = call.arguments.map { argument in
            argument.type == "CUstream"
                ? "\(target).perThread(\(argument.name))" : argument.name
        }
        return "\(target).\(original)(\(mapped.joined(separator: ", ")))"
    }

    private func isSupported(_ call: Call) -> Bool {
        if library == .software { return call.isSoftware }
        if case .none = call.client { return false }
        return true
    }
}

/// Writes the status codes as Swift and the coverage page.
struct DocumentEmitter {
    let description: Description

    func results() -> String {
        var text = """
            // \(Generator.notice)

            /// Status codes of the driver API by value, with the texts of `cuGetErrorName` and
            /// `cuGetErrorString`; `nil` for a value that is none.
            package func describeResult(_ value: Int32) -> (name: StaticString, text: StaticString)? {
                switch value {

            """
        for result in description.results {
            text += "    case \(result.value): (\"\(result.name)\", \"\(result.text)\")\n"
        }
        return text + "    default: nil\n    }\n}\n"
    }

    func coverage(appendix: String) -> String {
        let supported = description.calls.filter { !isRefused($0) }
        let soft = description.calls.filter(\.isSoftware)
        var text = """
            # Coverage of the driver API

            <!-- \(Generator.notice) -->

            Every one of the \(description.calls.count) symbols is exported by both libraries. The
            client answers or forwards \(supported.count) of them, the software GPU implements
            \(soft.count). All others return `CUDA_ERROR_NOT_SUPPORTED`, for the reason given.

            | call | since | through Ferry | software GPU |
            |---|---|---|---|

            """
        for call in description.calls {
            let version = "\(call.version / 1000).\(call.version % 1000 / 10)"
            text += "| `\(call.name)` | \(version) | \(handling(call)) |"
            text += call.isSoftware ? " yes |\n" : " not supported |\n"
        }
        return appendix.isEmpty ? text : "\(text)\n\(appendix)"
    }

    private func isRefused(_ call: Call) -> Bool {
        if case .none = call.client { return true }
        return false
    }

    private func handling(_ call: Call) -> String {
        switch call.client {
        case .local: "local"
        case .send: "forwarded, no reply"
        case .wait: "forwarded, waits"
        case .custom: "forwarded"
        case .composed: "made of other calls"
        case .alias(let name): "as `\(name)`"
        case .none(let reason): "not supported: \(reason)"
        }
    }
}

internal import FoundationEssentials

/// What `--verbose` tells, in the shape that Bitfusion's users search for.
struct RunLog: Sendable {
    let isVerbose: Bool

    /// A line about what happens.
    func info(_ message: @autoclosure () -> String) {
        guard isVerbose else { return }
        Console.complain("[INFO] \(Date.now.ISO8601Format()) \(message())")
    }

    /// A line that is always told.
    func warn(_ message: String) { Console.complain("ferry: \(message)") }
}

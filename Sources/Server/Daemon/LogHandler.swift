internal import CProcess
internal import FoundationEssentials
internal import Glibc
package import Logging

/// Writes each message as one line to standard error, where systemd and people look.
package struct StderrLogHandler: LogHandler {
    /// How lines look.
    package enum Format: String, CaseIterable, Sendable {
        /// `time level message key=value …`
        case text
        /// One JSON object a line.
        case json
    }

    private let label: String
    private let format: Format
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]

    /// A handler for one logger.
    package init(label: String, format: Format, level: Logger.Level) {
        self.label = label
        self.format = format
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let now = JSONResponse.time(ferry_wall_milliseconds())
        let message = LogText.clean(event.message.description)
        let line =
            switch format {
            case .text: Self.text(now, event.level, message, all)
            case .json: json(now, event.level, message, all)
            }
        // One write, so that lines of several threads do not mix.
        let bytes = Array((line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    private static func text(
        _ time: String,
        _ level: Logger.Level,
        _ message: String,
        _ metadata: Logger.Metadata
    ) -> String {
        let pairs = metadata.sorted { $0.key < $1.key }.map { pair in
            let value = LogText.clean("\(pair.value)")
            let needsQuotes = value.isEmpty || value.contains { " \"=".contains($0) }
            return needsQuotes
                ? "\(pair.key)=\"\(String(value.map { $0 == "\"" ? "'" : $0 }))\""
                : "\(pair.key)=\(value)"
        }
        return ([time, level.rawValue, message] + pairs).joined(separator: " ")
    }

    private func json(
        _ time: String,
        _ level: Logger.Level,
        _ message: String,
        _ metadata: Logger.Metadata
    ) -> String {
        var fields = metadata.mapValues { LogText.clean("\($0)") }
        fields["time"] = time
        fields["level"] = level.rawValue
        fields["message"] = message
        fields["logger"] = label
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(fields)).map { String(decoding: $0, as: UTF8.self) } ?? message
    }
}

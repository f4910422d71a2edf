/// What a process of a run has noted about its session: a file `PID.session` of 64 bytes in the
/// run's folder (docs/formats/lease-file.md). The program could have written anything there.
package struct SessionNote: Hashable, Sendable {
    /// The process.
    package var process: Int
    /// How its data connection travelled.
    package var transport: String
    /// Its name, as the kernel has it.
    package var program: String

    /// Reads a note; nil when it is none.
    package init?(name: String, bytes: [UInt8]) {
        guard name.hasSuffix(".session"), let process = Int(name.dropLast(8)), bytes.count == 64
        else { return nil }
        self.process = process
        transport = Self.text(bytes[0..<32])
        program = Self.text(bytes[32..<64])
        guard !transport.isEmpty else { return nil }
    }

    /// Those of a run, by process.
    package static func all(in folder: String) -> [SessionNote] {
        Files.names(in: folder).filter { $0.hasSuffix(".session") }
            .compactMap { name in
                Files.read("\(folder)/\(name)").flatMap { SessionNote(name: name, bytes: $0) }
            }
            .sorted { $0.process < $1.process }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let part = bytes.prefix { $0 != 0 }.map { $0 < 0x20 || $0 >= 0x7f ? 0x3f : $0 }
        return String(decoding: part, as: UTF8.self)
    }
}

import Testing

/// What the rules of docs/ARCHITECTURE.md and docs/adr forbid, with the reason.
@Suite struct BannedTests {
    /// A piece of code that has no place in some modules.
    struct Ban: Sendable, CustomTestStringConvertible {
        var text: String
        var modules: Set<String>?
        var reason: String

        var testDescription: String { text }
    }

    static let dataPlane: Set<String> = [
        "Driver", "DriverFrontend", "Wire", "Transport", "Client", "CUDAShim", "NVML",
    ]
    static let withoutFoundation: Set<String> = dataPlane.union([
        "Worker", "FerryWorker", "SoftGPU", "SoftCUDA", "SoftNVML", "SoftDevice", "Lanes", "PTX",
    ])

    static let bans: [Ban] = [
        Ban(
            text: "import Foundation",
            modules: withoutFoundation,
            reason: "these start quickly and live in other people's processes"
        ),
        Ban(text: "import NIO", modules: withoutFoundation, reason: "no event loops there"),
        Ban(text: "import Glibc", modules: dataPlane, reason: "Embedded Swift has none: CLinux"),
        Ban(
            text: "Mutex<",
            modules: dataPlane,
            reason: "it traps in forked children: ForkSafeLock"
        ),
        Ban(
            text: "Mutex(",
            modules: dataPlane,
            reason: "it traps in forked children: ForkSafeLock"
        ),
        Ban(text: "DispatchQueue", modules: nil, reason: "structured concurrency or threads"),
        Ban(text: "fatalError(", modules: dataPlane, reason: "an error for that client, no crash"),
        Ban(text: "try!", modules: nil, reason: "it stops the program"),
        Ban(text: "@testable", modules: nil, reason: "everything is built once, in release"),
        Ban(text: "print(", modules: dataPlane, reason: "nothing is printed unless asked for"),
        Ban(text: " any Error", modules: dataPlane, reason: "Embedded Swift: typed throws"),
        Ban(text: "TO" + "DO", modules: nil, reason: "do it, or open an issue"),
        Ban(text: "FIX" + "ME", modules: nil, reason: "mend it"),
    ]

    @Test(arguments: bans)
    func `banned`(_ ban: Ban) {
        for file in Repository.sources {
            if let modules = ban.modules, !modules.contains(Repository.module(file)) { continue }
            for (index, line) in file.lines.enumerated() where isUsed(ban.text, in: line) {
                Issue.record("\(file.path):\(index + 1): \(ban.text): \(ban.reason)")
            }
        }
    }

    @Test func `leftovers in C, scripts and documents`() {
        let files =
            Repository.c + Repository.files(below: "dev", endings: ["", "sh", "py"])
            + Repository.files(below: "docs", endings: ["md"])
        for file in files {
            for word in ["TO" + "DO", "FIX" + "ME"] where file.text.contains(word) {
                Issue.record("\(file.path): \(word)")
            }
        }
    }

    @Test func `uses are told from mentions`() {
        #expect(isUsed("try!", in: "        let a = try! b()"))
        #expect(!isUsed("try!", in: "    // never try! here"))
        #expect(isUsed("print(", in: "    print(a)"))
        #expect(!isUsed("print(", in: "    takePrint(a)"))
        #expect(!isUsed("print(", in: "    fingerprint(a)"))
    }

    /// Whether the line uses the text as code; comments may talk about it.
    private func isUsed(_ text: String, in line: Substring) -> Bool {
        let code = line.drop { $0 == " " }
        let isComment = code.hasPrefix("//") && !text.hasSuffix("DO") && !text.hasSuffix("ME")
        guard !isComment, let range = line.firstRange(of: text) else { return false }
        guard let first = text.first, first.isLetter, range.lowerBound > line.startIndex else {
            return true
        }
        let before = line[line.index(before: range.lowerBound)]
        return !before.isLetter && !before.isNumber && before != "."
    }
}

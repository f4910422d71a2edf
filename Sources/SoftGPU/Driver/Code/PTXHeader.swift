internal import Driver
internal import SoftDevice

/// The `.version` and `.target` at the head of a PTX text, read before it is parsed: they decide
/// about errors that have codes of their own.
struct PTXHeader {
    /// Version of the language; `nil` when it is not found.
    var version: (major: Int, minor: Int)?
    /// Number of the target, and what follows it: 90 and "a" of `sm_90a`.
    var target: (number: Int, suffix: String)?

    /// Looks at the first 64 KiB.
    init(_ text: [UInt8]) {
        let head = text.prefix(65_536)
        if let words = Self.words(after: ".version", in: head) {
            let parts = words.split(separator: ".")
            if parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]) {
                version = (major, minor)
            }
        }
        if let word = Self.words(after: ".target", in: head), word.hasPrefix("sm_") {
            let digits = word.dropFirst(3).prefix { $0.isNumber }
            let suffix = String(word.dropFirst(3 + digits.count))
            if let number = Int(digits) { target = (number, suffix) }
        }
    }

    /// Fails when the text is too new, or for a GPU that this one is not.
    func check(_ capability: Configuration.Capability) throws(CodeFailure) {
        if let version, version.major > CodeSource.newestMajorVersion {
            throw CodeFailure(
                Status.unsupportedPTXVersion,
                "PTX .version \(version.major).\(version.minor) is newer than this driver"
            )
        }
        guard let target else { return }
        let fits =
            switch target.suffix {
            case "a": target.number == capability.number
            case "f":
                target.number / 10 == capability.major && target.number <= capability.number
            default: target.number <= capability.number
            }
        guard fits else {
            throw CodeFailure(
                Status.noBinaryForGPU,
                "PTX for sm_\(target.number)\(target.suffix) does not run on compute capability "
                    + "\(capability.major).\(capability.minor)"
            )
        }
    }

    /// The word after a directive that begins a line, comments left out.
    private static func words(after directive: String, in text: ArraySlice<UInt8>) -> String? {
        let wanted = Array(directive.utf8)
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let body = line.drop { $0 == 32 || $0 == 9 }
            guard body.starts(with: wanted) else { continue }
            let rest = body.dropFirst(wanted.count)
            guard rest.first == 32 || rest.first == 9 else { continue }
            let word = rest.drop { $0 == 32 || $0 == 9 }
                .prefix { $0 > 32 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "/") }
            return String(decoding: word, as: UTF8.self)
        }
        return nil
    }
}

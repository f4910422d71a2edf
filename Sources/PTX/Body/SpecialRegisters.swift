/// Finds special registers by name.
enum SpecialRegisters {
    /// The special register of a name without component, with its number (`%envreg2`).
    static func find(_ name: UnsafePointer<UInt8>, _ length: Int) -> Entity? {
        guard length > 1, name[0] == UInt8(ascii: "%") else { return nil }
        let word = UnsafeBufferPointer(start: name + 1, count: length - 1)
        if let kind = Words.specials.find(word), !isNumbered(kind) { return .special(kind, 0) }
        let spelling = String(decoding: word, as: UTF8.self)
        if let number = number(spelling, "envreg", "", 31) { return .special(.envreg, number) }
        if let number = number(spelling, "pm", "", 7) { return .special(.pm, number) }
        if let number = number(spelling, "pm", "_64", 7) { return .special(.pm64, number) }
        if let number = number(spelling, "reserved_smem_offset_", "", 1) {
            return .special(.reservedSmemOffset, number)
        }
        return nil
    }

    /// Whether the register has components `.x .y .z .w`.
    static func isVector(_ kind: Syntax.SpecialRegister.Kind) -> Bool {
        switch kind {
        case .tid, .ntid, .ctaid, .nctaid, .clusterid, .nclusterid, .clusterCtaid,
            .clusterNctaid:
            true
        default: false
        }
    }

    private static func isNumbered(_ kind: Syntax.SpecialRegister.Kind) -> Bool {
        kind == .envreg || kind == .pm || kind == .pm64 || kind == .reservedSmemOffset
    }

    private static func number(
        _ name: String,
        _ prefix: String,
        _ suffix: String,
        _ limit: UInt8
    ) -> UInt8? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix),
            name.utf8.count > prefix.utf8.count + suffix.utf8.count
        else { return nil }
        let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }),
            digits == "0" || digits.first != "0",
            let number = UInt8(digits), number <= limit
        else { return nil }
        return number
    }
}

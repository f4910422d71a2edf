/// The distinct instruction names of a body, each taken apart once.
struct Mnemonics {
    private var table = NameTable(capacity: 128)
    /// By number in `table`: the index in `list`.
    private var indices: ContiguousArray<Int32> = []
    /// Names that are not one word in the text, and their indices.
    private var composed: [String: Int32] = [:]
    /// The names taken apart.
    private(set) var list: [Syntax.Mnemonic] = []

    /// Reads an instruction's name.
    ///
    /// - Throws: when a part of it is unknown. Not to be used after that.
    @inline(__always)
    mutating func parse(_ lexer: inout Lexer) throws(PTXError) -> Int32 {
        let number = table.intern(lexer.base, lexer.start, lexer.length)
        if number == indices.count { indices.append(try add(lexer.text(), lexer.line)) }
        let index = indices[number]
        lexer.advance()
        return lexer.kind == .directive ? try parseMore(index, &lexer) : index
    }

    /// Reads further parts of a name that are set apart by blanks: `setp .lt .s32`.
    private mutating func parseMore(_ first: Int32, _ lexer: inout Lexer) throws(PTXError) -> Int32
    {
        var name = list[Int(first)].name
        let line = lexer.line
        while lexer.kind == .directive {
            guard name.utf8.count < 1024 else { throw lexer.error("instruction name too long") }
            name += lexer.text(limit: 1024)
            lexer.advance()
        }
        if let index = composed[name] { return index }
        let index = try add(name, line)
        composed[name] = index
        return index
    }

    private mutating func add(_ name: String, _ line: Int) throws(PTXError) -> Int32 {
        let parts = Array(name.utf8).split(
            separator: UInt8(ascii: "."),
            omittingEmptySubsequences: false
        )
        guard let opcode = Words.opcodes.find(parts[0]) else {
            throw PTXError(line: line, message: "unknown instruction '\(name.prefix(64))'")
        }
        var mnemonic = Syntax.Mnemonic(
            opcode: opcode,
            modifiers: [],
            types: [],
            shape: nil,
            name: name
        )
        for part in parts.dropFirst() {
            if let type = Words.types.find(part) {
                mnemonic.types.append(type)
            } else if let modifier = Words.modifiers.find(part) {
                mnemonic.modifiers.append(modifier)
            } else if let shape = Self.shape(part), mnemonic.shape == nil {
                mnemonic.shape = shape
            } else {
                let part = String(decoding: part.prefix(64), as: UTF8.self)
                throw PTXError(
                    line: line,
                    message: "unknown modifier '.\(part)' of '\(name.prefix(64))'"
                )
            }
        }
        list.append(mnemonic)
        return Int32(truncatingIfNeeded: list.count - 1)
    }

    /// Reads `m16n8k16` or `m8n8`.
    private static func shape(_ part: ArraySlice<UInt8>) -> Syntax.Shape? {
        var rest = part
        var extents = [0, 0, 0]
        for (index, letter) in "mnk".utf8.enumerated() {
            if index == 2, rest.isEmpty { break }
            guard rest.popFirst() == letter else { return nil }
            let digits = rest.prefix { (48...57).contains($0) }
            guard (1...4).contains(digits.count) else { return nil }
            extents[index] = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
            rest = rest.dropFirst(digits.count)
        }
        return rest.isEmpty ? Syntax.Shape(m: extents[0], n: extents[1], k: extents[2]) : nil
    }
}

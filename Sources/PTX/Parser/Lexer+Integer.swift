extension Lexer {
    /// Reads one integer token in a range: counts, alignments, extents.
    mutating func parseInteger(_ range: ClosedRange<UInt64>, of what: StaticString)
        throws(PTXError) -> Int
    {
        guard kind == .integer else {
            throw error("unexpected \(description), integer expected as \(what)")
        }
        guard range.contains(value) else {
            throw error("\(what) \(value) is not in \(range.lowerBound)…\(range.upperBound)")
        }
        let result = Int(value)
        advance()
        return result
    }

    /// Reads a power of two: `.align`'s value.
    mutating func parseAlignment() throws(PTXError) -> Int {
        let line = line
        let alignment = try parseInteger(1...(1 << 30), of: "alignment")
        guard alignment & (alignment - 1) == 0 else {
            throw PTXError(line: line, message: "alignment \(alignment) is not a power of two")
        }
        return alignment
    }

    /// Reads one to three extents separated by commas.
    mutating func parseExtents(of what: StaticString) throws(PTXError) -> Syntax.Extents {
        let limit: ClosedRange<UInt64> = 0...(1 << 20)
        let x = try parseInteger(limit, of: what)
        guard take(",") else { return Syntax.Extents(x: x, y: 1, z: 1) }
        let y = try parseInteger(limit, of: what)
        guard take(",") else { return Syntax.Extents(x: x, y: y, z: 1) }
        return Syntax.Extents(x: x, y: y, z: try parseInteger(limit, of: what))
    }

    /// The type that the current directive names, if it is one.
    func scalarType() -> Syntax.ScalarType? {
        guard kind == .directive else { return nil }
        return Words.types.find(UnsafeBufferPointer(start: base + start + 1, count: length - 1))
    }
}

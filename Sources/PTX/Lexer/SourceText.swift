/// A private copy of a PTX text with NUL bytes behind its end, which every scanner stops at.
///
/// Immutable after `init`, hence safe to share.
final class SourceText: @unchecked Sendable {
    /// Bytes readable behind the end, all NUL.
    static let padding = 16

    /// The first byte.
    let base: UnsafePointer<UInt8>
    /// Bytes before the first NUL.
    let count: Int

    /// Copies a text up to its first NUL byte.
    init(_ text: UnsafeRawBufferPointer) {
        var count = 0
        while count < text.count, text[count] != 0 { count += 1 }
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: count + Self.padding)
        if let source = text.bindMemory(to: UInt8.self).baseAddress, count > 0 {
            memory.initialize(from: source, count: count)
        }
        (memory + count).initialize(repeating: 0, count: Self.padding)
        base = UnsafePointer(memory)
        self.count = count
    }

    deinit { base.deallocate() }

    /// Whether it has the same bytes as another text.
    func isEqual(to text: UnsafeRawBufferPointer) -> Bool {
        guard text.count == count else { return false }
        let own = UnsafeRawPointer(base)
        var place = 0
        while place + 8 <= count {
            let difference =
                own.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                ^ text.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            if difference != 0 { return false }
            place += 8
        }
        while place < count {
            if base[place] != text[place] { return false }
            place += 1
        }
        return true
    }

    /// A part as text; invalid UTF-8 is repaired.
    func string(_ offset: Int, _ length: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: base + offset, count: length), as: UTF8.self)
    }
}

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

    /// A part as text; invalid UTF-8 is repaired.
    func string(_ offset: Int, _ length: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: base + offset, count: length), as: UTF8.self)
    }
}

package import PTX

/// Parsed texts by content: a program, or a library of it, often loads the same code again, into
/// another context or after it was unloaded.
///
/// A text is found by some of its bytes and then compared whole, so that it is never another one.
/// Thread-safe.
package final class ModuleCache: @unchecked Sendable {
    /// That of the process.
    package static let shared = ModuleCache(limit: 64 << 20)

    private struct Entry {
        let module: Syntax.Module
        let size: Int
        var lastUse: UInt64
    }

    /// Bytes of text that are kept at most.
    private let limit: Int
    private let lock = Lock()
    // Guarded by the lock.
    private var entries: [Int: [Entry]] = [:]
    /// Of each module that is kept: limits of registers with which all its kernels have compiled without
    /// other modules; -1 for none.
    private var compiled: [ObjectIdentifier: Set<Int>] = [:]
    private var kept = 0
    private var uses: UInt64 = 0

    /// An empty cache for so many bytes of text.
    package init(limit: Int) { self.limit = limit }

    /// The module of a text, which is parsed if it is not known.
    ///
    /// - Throws: the first error outside function bodies; such a text is not kept.
    package func module(_ text: [UInt8]) throws(PTXError) -> Syntax.Module {
        let key = Self.key(of: text)
        if let known = lock.withLock({ find(key, text) }) { return known }
        let module = try Syntax.Module(text)
        return lock.withLock {
            // Another thread may have parsed it meanwhile.
            if let known = find(key, text) { return known }
            keep(module, key, text.count)
            return module
        }
    }

    /// Whether all kernels of a module have compiled without another one's help.
    ///
    /// - Parameter maximumRegisters: what their threads may have.
    package func hasCompiled(_ module: Syntax.Module, _ maximumRegisters: Int?) -> Bool {
        lock.withLock {
            compiled[ObjectIdentifier(module)]?.contains(maximumRegisters ?? -1) ?? false
        }
    }

    /// Remembers that they have.
    package func noteCompiled(_ module: Syntax.Module, _ maximumRegisters: Int?) {
        lock.withLock {
            _ = compiled[ObjectIdentifier(module)]?.insert(maximumRegisters ?? -1)
        }
    }

    /// Some of a text's bytes, and how many it has.
    private static func key(of text: [UInt8]) -> Int {
        let samples = 64
        var hasher = Hasher()
        hasher.combine(text.count)
        text.withUnsafeBytes { bytes in
            let step = max(bytes.count / samples, 8)
            for start in stride(from: 0, to: bytes.count, by: step) {
                let end = min(start + 8, bytes.count)
                hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes.suffix(samples)))
        }
        return hasher.finalize()
    }

    private func find(_ key: Int, _ text: [UInt8]) -> Syntax.Module? {
        guard let index = entries[key]?.firstIndex(where: { $0.module.isOf(text) }) else {
            return nil
        }
        uses += 1
        entries[key]?[index].lastUse = uses
        return entries[key]?[index].module
    }

    private func keep(_ module: Syntax.Module, _ key: Int, _ size: Int) {
        guard size <= limit else { return }
        while kept + size > limit { dropOldest() }
        uses += 1
        kept += size
        entries[key, default: []].append(Entry(module: module, size: size, lastUse: uses))
        compiled[ObjectIdentifier(module)] = []
    }

    private func dropOldest() {
        func age(_ list: [Entry]) -> UInt64 { list.lazy.map(\.lastUse).min() ?? 0 }
        guard let oldest = entries.min(by: { age($0.value) < age($1.value) })?.key else { return }
        for entry in entries.removeValue(forKey: oldest) ?? [] {
            kept -= entry.size
            compiled[ObjectIdentifier(entry.module)] = nil
        }
    }
}

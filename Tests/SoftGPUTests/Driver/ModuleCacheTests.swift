import PTX
import SoftGPU
import Testing

@Suite struct ModuleCacheTests {
    private func text(_ name: String, comment: String = "") -> [UInt8] {
        Array(
            """
            .version 7.0
            .target sm_75
            .address_size 64
            // \(comment)
            .visible .entry \(name)() { ret; }
            """.utf8
        )
    }

    @Test func `the same text is parsed once`() throws {
        let cache = ModuleCache(limit: 1 << 20)
        let first = try cache.module(text("a"))
        #expect(try cache.module(text("a")) === first)
        let other = try cache.module(text("b"))
        #expect(other !== first)
        #expect(other.functions.map(\.name) == ["b"])
    }

    @Test func `every byte counts, looked at or not`() throws {
        let cache = ModuleCache(limit: 64 << 20)
        let long = String(repeating: "x", count: 10_000)
        let first = text("a", comment: long)
        let module = try cache.module(first)
        for place in stride(from: 60, to: 9_000, by: 7) {
            var changed = first
            changed[place] ^= 1
            #expect(try cache.module(changed) !== module, "\(place)")
        }
        #expect(try cache.module(first) === module)
    }

    @Test func `errors are said each time`() {
        let cache = ModuleCache(limit: 1 << 20)
        let bad = Array(".version 7.0\n.target sm_75\n.nothing".utf8)
        for _ in 0..<2 { #expect(throws: PTXError.self) { try cache.module(bad) } }
    }

    @Test func `the bound holds, and what is used stays`() throws {
        let size = text("k00").count
        let cache = ModuleCache(limit: 10 * size)
        let used = try cache.module(text("k00"))
        let unused = try cache.module(text("k01"))
        cache.noteCompiled(unused, nil)
        for index in 10..<40 {
            _ = try cache.module(text("k\(index)"))
            #expect(try cache.module(text("k00")) === used)
        }
        #expect(!cache.hasCompiled(unused, nil))
        #expect(try cache.module(text("k01")) !== unused)
        // Larger than the cache: parsed, not kept.
        let large = text("l", comment: String(repeating: "x", count: 20 * size))
        #expect(try cache.module(large) !== cache.module(large))
    }

    @Test func `what has compiled is known by its limit of registers`() throws {
        let cache = ModuleCache(limit: 1 << 20)
        let module = try cache.module(text("a"))
        #expect(!cache.hasCompiled(module, nil))
        cache.noteCompiled(module, nil)
        #expect(cache.hasCompiled(module, nil))
        #expect(!cache.hasCompiled(module, 32))
    }

    @Test func `threads get one module`() async throws {
        let cache = ModuleCache(limit: 1 << 20)
        let text = text("a")
        let found = try await withThrowingTaskGroup(of: Syntax.Module.self) { group in
            for _ in 0..<16 { group.addTask { try cache.module(text) } }
            return try await group.reduce(into: Set<ObjectIdentifier>()) {
                $0.insert(ObjectIdentifier($1))
            }
        }
        #expect(found.count == 1)
    }
}

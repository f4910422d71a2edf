/// The names of a body: lexical scopes, shadowing, and register ranges such as `%r<1000>`, whose
/// elements come into being when they are used.
///
/// Every operation takes constant time, but for leaving a scope, which takes as long as its
/// declarations did.
struct BodyScopes {
    /// Scopes within scopes that are accepted.
    static let depthLimit = 64

    private struct Name {
        /// The innermost declaration of the name itself, and its scope's depth.
        var direct = Entity.unbound
        var directDepth: Int32 = -1
        /// The innermost range with this name as prefix, by index, or -1.
        var range: Int32 = -1
        /// What the name stands for, valid while `epoch` is current.
        var found = Entity.unbound
        var epoch: UInt32 = 0
        /// The register that the name is as an element of a range, and that range.
        var element: (range: Int32, register: Syntax.RegisterID) = (-1, .init(0))
    }

    private struct Range {
        let type: Syntax.ScalarType
        let vectorWidth: UInt8
        let count: UInt64
        let depth: Int32
        /// The range of the same prefix in an outer scope, by index, or -1.
        let outer: Int32
    }

    /// What a name stood for before a declaration.
    private struct Undo {
        let name: Int32
        let direct: Entity
        let directDepth: Int32
        let range: Int32
    }

    private struct ElementKey: Hashable {
        let name: Int32
        let range: Int32
    }

    private let base: UnsafePointer<UInt8>
    private let module: ModuleScope
    private var table = NameTable(capacity: 512)
    private var names: ContiguousArray<Name> = []
    private var ranges: ContiguousArray<Range> = []
    private var undo: ContiguousArray<Undo> = []
    /// Elements of ranges that a later range with the same name shadows.
    private var shadowed: [ElementKey: Syntax.RegisterID] = [:]
    /// Of each open scope: undo records when it was opened, its number, ranges when opened.
    private var open: ContiguousArray<(undo: Int, number: Int32, ranges: Int)> = []
    /// The enclosing scope of each scope, by number; -1 for the outermost.
    private(set) var parents: ContiguousArray<Int32> = []
    private var epoch: UInt32 = 1
    /// The registers in use.
    private(set) var registers: [Syntax.Register] = []

    init(_ module: ModuleScope) {
        base = module.source.base
        self.module = module
    }

    /// The number of the innermost open scope.
    var current: Int32 { open[open.count - 1].number }

    /// Whether a scope may be opened.
    var canEnter: Bool { open.count < Self.depthLimit }

    /// Opens a scope.
    mutating func enter() {
        let number = Int32(truncatingIfNeeded: parents.count)
        parents.append(open.isEmpty ? -1 : current)
        open.append((undo.count, number, ranges.count))
    }

    /// Closes the innermost scope; true when it was the body's: only the parameters' is left.
    mutating func leave() -> Bool {
        let scope = open.removeLast()
        while undo.count > scope.undo {
            let record = undo.removeLast()
            let name = Int(record.name)
            names[name].direct = record.direct
            names[name].directDepth = record.directDepth
            names[name].range = record.range
            names[name].epoch = 0
        }
        if ranges.count > scope.ranges { epoch += 1 }
        return open.count == 1
    }

    /// The number of the name at a place of the text.
    @inline(__always)
    mutating func intern(_ offset: Int, _ length: Int) -> Int {
        let name = table.intern(base, offset, length)
        if name == names.count { names.append(Name()) }
        return name
    }

    /// Declares a name in the innermost scope; false when it is declared there already.
    mutating func declare(_ name: Int, as entity: Entity) -> Bool {
        let depth = Int32(truncatingIfNeeded: open.count)
        guard names[name].directDepth < depth else { return false }
        record(name)
        names[name].direct = entity
        names[name].directDepth = depth
        return true
    }

    /// Declares the registers `name0`…`name(count-1)` in the innermost scope; false when there
    /// is such a range already.
    mutating func declareRange(
        _ name: Int,
        _ type: Syntax.ScalarType,
        _ vectorWidth: UInt8,
        count: UInt64
    ) -> Bool {
        let depth = Int32(truncatingIfNeeded: open.count)
        let old = names[name].range
        guard old < 0 || ranges[Int(old)].depth < depth else { return false }
        record(name)
        names[name].range = Int32(truncatingIfNeeded: ranges.count)
        ranges.append(
            Range(type: type, vectorWidth: vectorWidth, count: count, depth: depth, outer: old)
        )
        epoch += 1
        return true
    }

    private mutating func record(_ name: Int) {
        let old = names[name]
        undo.append(
            Undo(
                name: Int32(truncatingIfNeeded: name),
                direct: old.direct,
                directDepth: old.directDepth,
                range: old.range
            )
        )
        names[name].epoch = 0
    }

    /// Adds a register of a name.
    mutating func makeRegister(_ name: Int, _ type: Syntax.ScalarType, _ vectorWidth: UInt8)
        -> Syntax.RegisterID
    {
        let entry = table.entries[name]
        registers.append(
            Syntax.Register(
                type: type,
                vectorWidth: Int(vectorWidth),
                nameOffset: entry.offset,
                nameLength: Int(entry.length)
            )
        )
        return Syntax.RegisterID(registers.count - 1)
    }

    /// What a name stands for here.
    @inline(__always)
    mutating func resolve(_ name: Int) -> Entity {
        if names[name].epoch == epoch { return names[name].found }
        let entity = lookUp(name)
        names[name].found = entity
        names[name].epoch = epoch
        return entity
    }

    private mutating func lookUp(_ name: Int) -> Entity {
        let range = findRange(name)
        if range >= 0, ranges[range].depth > names[name].directDepth {
            return .register(element(name, range))
        }
        switch names[name].direct {
        case .declared(let type, let vectorWidth):
            let register = Entity.register(makeRegister(name, type, vectorWidth))
            names[name].direct = register
            return register
        case .unbound: break
        case let entity: return entity
        }
        let entry = table.entries[name]
        let length = Int(entry.length)
        let entity = module.entity(at: entry.offset, length: length, hash: entry.hash)
        if case .unbound = entity {
            return SpecialRegisters.find(base + entry.offset, length) ?? .undeclared
        }
        return entity
    }

    /// The innermost range that a name is an element of, or -1: splits digits off the end.
    private func findRange(_ name: Int) -> Int {
        let entry = table.entries[name]
        let end = entry.offset + Int(entry.length)
        var (best, number, scale) = (-1, UInt64(0), UInt64(1))
        var start = end - 1
        while start > entry.offset, end - start <= 10 {
            let digit = base[start] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            number += UInt64(digit) * scale
            scale *= 10
            if digit != 0 || end - start == 1 {
                let length = start - entry.offset
                let hash = NameTable.hash(base + entry.offset, length)
                if let prefix = table.find(base, entry.offset, length, hash) {
                    let range = self.range(prefix, containing: number)
                    if range >= 0, best < 0 || ranges[range].depth > ranges[best].depth {
                        best = range
                    }
                }
            }
            start -= 1
        }
        return best
    }

    /// The innermost range of a prefix that has an element, or -1. At most one per open scope.
    private func range(_ prefix: Int, containing number: UInt64) -> Int {
        var range = Int(names[prefix].range)
        while range >= 0, number >= ranges[range].count { range = Int(ranges[range].outer) }
        return range
    }

    private mutating func element(_ name: Int, _ range: Int) -> Syntax.RegisterID {
        let old = names[name].element
        if Int(old.range) == range { return old.register }
        let key = ElementKey(name: Int32(name), range: Int32(range))
        if old.range >= 0 {
            shadowed[ElementKey(name: Int32(name), range: old.range)] = old.register
        }
        let register =
            shadowed[key]
            ?? makeRegister(name, ranges[range].type, ranges[range].vectorWidth)
        names[name].element = (Int32(range), register)
        return register
    }
}

/// What a name stands for.
enum Entity {
    /// Nothing in this scope.
    case unbound
    /// Nothing in any scope.
    case undeclared
    /// A register that is declared but not yet used: type, elements.
    case declared(Syntax.ScalarType, UInt8)
    case register(Syntax.RegisterID)
    case special(Syntax.SpecialRegister.Kind, UInt8)
    case local(UInt32)
    case parameter(UInt32)
    case returnParameter(UInt32)
    case global(UInt32)
    case function(UInt32)
}

/// Where a body's text is.
struct BodyExtent {
    /// Behind the `{`.
    let start: Int
    /// The line of the `{`.
    let line: Int
}

/// The names at module scope. Filled by `ModuleParser`, and never changed after it has ended:
/// from then on safe to share.
final class ModuleScope: @unchecked Sendable {
    let source: SourceText
    private var names = NameTable(capacity: 256)
    private var entities: [Entity] = []
    /// Of each variable: bytes of an element if it is an array of one dimension, else 0.
    var elementSizes: [Int] = []

    init(source: SourceText) { self.source = source }

    /// What a name at a place of the text stands for here.
    func entity(at offset: Int, length: Int, hash: UInt32) -> Entity {
        names.find(source.base, offset, length, hash).map { entities[$0] } ?? .unbound
    }

    /// What the name at a place stands for, to be read or given a meaning.
    subscript(place: Range<Int>) -> Entity {
        get {
            let hash = NameTable.hash(source.base + place.lowerBound, place.count)
            return entity(at: place.lowerBound, length: place.count, hash: hash)
        }
        set {
            let number = names.intern(source.base, place.lowerBound, place.count)
            if number < entities.count {
                entities[number] = newValue
            } else {
                entities.append(newValue)
            }
        }
    }
}

/// A list in memory of its own, for entries of tables that are read without a lock: no reference is counted. A value
/// that owns memory: `deallocate` ends it.
struct GrowingList<Element: BitwiseCopyable> {
    /// Nothing while there is no room for any.
    private var elements = UnsafeMutableBufferPointer<Element>(start: nil, count: 0)
    private(set) var count = 0

    /// An empty one, without memory.
    init() {}

    var isEmpty: Bool { count == 0 }

    /// An element; `index` is below `count`.
    subscript(index: Int) -> Element {
        get { elements[index] }
        nonmutating set { elements[index] = newValue }
    }

    mutating func append(_ element: Element) {
        if count == elements.count {
            let larger = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(4, count * 2))
            _ = larger.moveInitialize(fromContentsOf: elements)
            elements.deallocate()
            elements = larger
        }
        elements.initializeElement(at: count, to: element)
        count += 1
    }

    /// Removes an element; the last one takes its place.
    mutating func swapRemove(_ index: Int) {
        count -= 1
        elements[index] = elements[count]
    }

    func deallocate() { elements.deallocate() }
}

/// What a bulk channel has under way, oldest first: `BulkFrame.mostUnclaimed` at most.
package struct BulkQueue<Element> {
    private var elements: InlineArray<4, Element>
    private var first = 0
    /// How many there are.
    package private(set) var count = 0

    /// Nothing is under way.
    ///
    /// - Parameter none: What unused places hold.
    package init(none: Element) { elements = .init(repeating: none) }

    /// Whether there are as many as there may be.
    package var isFull: Bool { count == BulkFrame.mostUnclaimed }
    /// Whether there are none.
    package var isEmpty: Bool { count == 0 }

    /// Adds one; not full.
    package mutating func append(_ element: Element) {
        elements[(first + count) % BulkFrame.mostUnclaimed] = element
        count += 1
    }

    /// Takes the oldest; not empty.
    package mutating func removeFirst() -> Element {
        defer {
            first = (first + 1) % BulkFrame.mostUnclaimed
            count -= 1
        }
        return elements[first]
    }
}

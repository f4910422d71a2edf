import Testing
import Worker

@Suite struct GraphLevelsTests {
    @Test func `nodes without functions are one part`() {
        let found = GraphLevels(count: 3, edges: [(0, 1), (1, 2)]) { _ in false }
        #expect(found?.levels == [0, 0, 0])
    }

    @Test func `what waits for functions comes in later parts`() {
        // 0 → f1 → 2 → f3 → 4, beside it 5 → 4, and 6 alone
        let edges = [(0, 1), (1, 2), (2, 3), (3, 4), (5, 4)]
        let found = GraphLevels(count: 7, edges: edges) { $0 == 1 || $0 == 3 }
        #expect(found?.levels == [0, 0, 1, 1, 2, 0, 0])
    }

    @Test func `functions one behind the other are in parts of their own`() {
        let found = GraphLevels(count: 4, edges: [(0, 1), (0, 2), (2, 3)]) { $0 > 0 }
        #expect(found?.levels == [0, 0, 0, 1])
    }

    @Test func `an edge that is there twice changes nothing`() {
        let found = GraphLevels(count: 2, edges: [(1, 0), (1, 0)]) { $0 == 1 }
        #expect(found?.levels == [1, 0])
    }

    @Test func `nodes that wait for one another have no order`() {
        #expect(GraphLevels(count: 3, edges: [(0, 1), (1, 2), (2, 1)]) { _ in false } == nil)
    }

    @Test func `an empty graph has none`() {
        #expect(GraphLevels(count: 0, edges: []) { _ in true }?.levels == [])
    }
}

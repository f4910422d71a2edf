import Client
import TestSupport
import Testing

@Suite("Pages of managed memory")
struct ManagedPagesTests {
    private typealias Span = ManagedPages.Span

    /// What a release does.
    private struct Released: Equatable {
        var hidden: [Span] = []
        var sent: [Span] = []
        var fresh: [Span] = []
    }

    /// Pages of one allocation.
    private func allocated(_ count: Int) -> ManagedPages {
        var pages = ManagedPages(count: count)
        pages.take(Span(first: 0, count: count))
        return pages
    }

    private func release(_ pages: inout ManagedPages) -> Released {
        var released = Released()
        pages.release {
            released.hidden.append($0)
        } upload: { span, isFresh in
            if isFresh { released.fresh.append(span) } else { released.sent.append(span) }
        }
        return released
    }

    @Test("Fresh pages are the program's until the GPU gets work; then nothing is held")
    func fresh() {
        var pages = allocated(40)
        let answers = [pages.touch(3, .write), pages.touch(39, .read)]
        #expect(answers == [.nothing, .nothing])
        let all = Span(first: 0, count: 40)
        #expect(release(&pages) == Released(hidden: [all], fresh: [all]))
        let isHeld = pages.isHeld
        #expect(!isHeld)
        #expect(release(&pages) == Released())
    }

    @Test("What is read comes once and is not sent back; what is written is")
    func readAndWritten() {
        var pages = allocated(100)
        _ = release(&pages)
        // In the middle: what is around it, in whole windows.
        let read = pages.touch(37, .read)
        #expect(read == .fetch(Span(first: 32, count: 16)))
        pages.show(Span(first: 32, count: 16), isWritten: false)
        let again = pages.touch(40, .read)
        #expect(again == .nothing)
        let written = pages.touch(70, .write)
        #expect(written == .fetch(Span(first: 64, count: 16)))
        pages.show(Span(first: 64, count: 16), isWritten: true)
        // Some of what was read is written now.
        let allowed = pages.touch(35, .write)
        #expect(allowed == .allowWrites(Span(first: 32, count: 16)))
        let states = [31, 32, 47, 48, 64, 79, 80].map { pages[$0] }
        #expect(states == [.absent, .dirty, .dirty, .absent, .dirty, .dirty, .absent])
        let expected = Released(
            hidden: [Span(first: 32, count: 48)],
            sent: [Span(first: 32, count: 16), Span(first: 64, count: 16)]
        )
        #expect(release(&pages) == expected)
    }

    @Test("Accesses that go on where the last one ended bring more each time, up to 4 MiB")
    func goingOn() {
        var pages = allocated(5000)
        _ = release(&pages)
        var counts: [Int] = []
        var page = 0
        while page < 5000 {
            guard case .fetch(let span) = pages.touch(page, .read) else { break }
            #expect(span.first == page)
            counts.append(span.count)
            pages.show(span, isWritten: false)
            page += span.count
        }
        #expect(counts == [32, 64, 128, 256, 512, 1024, 1024, 1024, 936])
    }

    @Test("A fetch stops at what the program has newer")
    func stopsAtDirty() {
        var pages = allocated(64)
        _ = release(&pages)
        pages.show(Span(first: 20, count: 2), isWritten: true)
        let before = pages.touch(17, .read)
        #expect(before == .fetch(Span(first: 16, count: 4)))
        let behind = pages.touch(22, .read)
        #expect(behind == .fetch(Span(first: 22, count: 16)))
    }

    @Test("What is read may bring other allocations, what is written does not; nobody's is refused")
    func allocations() {
        var pages = ManagedPages(count: 32)
        for span in [Span(first: 0, count: 3), Span(first: 3, count: 2), Span(first: 5, count: 4)] {
            pages.take(span)
        }
        _ = release(&pages)
        let outside = pages.touch(9, .read)
        #expect(outside == .refuse)
        let owned = [Span(first: 2, count: 7), Span(first: 8, count: 2)].map { pages.areOwned($0) }
        #expect(owned == [true, false])
        let read = pages.touch(1, .read)
        #expect(read == .fetch(Span(first: 0, count: 9)))
        pages.show(Span(first: 0, count: 9), isWritten: false)
        let written = pages.touch(4, .write)
        #expect(written == .allowWrites(Span(first: 3, count: 2)))
        pages.give(Span(first: 5, count: 4))
        let gone = pages.touch(6, .write)
        #expect(gone == .refuse)
        #expect(release(&pages).sent == [Span(first: 3, count: 2)])
        let states = [2, 3, 5, 9].map { pages[$0] }
        #expect(states == [.absent, .absent, .unowned, .unowned])
        let alone = pages.touch(4, .write)
        #expect(alone == .fetch(Span(first: 3, count: 2)))
        pages.take(Span(first: 5, count: 1))
        #expect(release(&pages).fresh == [Span(first: 5, count: 1)])
    }

    @Test func `a write counts for its page alone where the GPU may write beside it`() {
        var pages = ManagedPages(count: 40)
        pages.take(Span(first: 0, count: 30), isExact: true)
        _ = release(&pages)
        let read = pages.touch(2, .read)
        #expect(read == .fetch(Span(first: 0, count: 16)))
        pages.show(Span(first: 0, count: 16), isWritten: false)
        let answers = [pages.touch(3, .write), pages.touch(4, .write), pages.touch(20, .write)]
        #expect(
            answers == [
                .allowWrites(Span(first: 3, count: 1)), .allowWrites(Span(first: 4, count: 1)),
                .fetch(Span(first: 20, count: 1)),
            ]
        )
        pages.show(Span(first: 20, count: 1), isWritten: true)
        #expect(release(&pages).sent == [Span(first: 3, count: 2), Span(first: 20, count: 1)])
        // The next allocation there is another one.
        pages.give(Span(first: 0, count: 30))
        pages.take(Span(first: 0, count: 30))
        _ = release(&pages)
        let again = pages.touch(2, .write)
        #expect(again == .fetch(Span(first: 0, count: 16)))
    }

    /// Whether the system lets the program do that without a fault.
    private func allows(_ state: ManagedPages.State, _ isWrite: Bool) -> Bool {
        isWrite ? state == .dirty || state == .fresh : state != .absent
    }

    /// A model: what program and GPU see of each page. Whatever they do in turns, both see what was written last.
    @Test("In turns, both sides see what was written last", arguments: 1...20)
    func model(seed: Int) {
        var random = SeededNumbers(seed: UInt64(seed))
        let count = Int.random(in: 1...300, using: &random)
        var pages = allocated(count)
        var (host, gpu, truth) = (
            [Int](repeating: 0, count: count), [Int](repeating: 0, count: count),
            [Int](repeating: 0, count: count)
        )
        for step in 1...400 {
            if Int.random(in: 0..<10, using: &random) == 0 {
                pages.release { _ in
                } upload: { span, _ in
                    for page in span.first..<span.first + span.count { gpu[page] = host[page] }
                }
                #expect(gpu == truth)
                for _ in 0..<Int.random(in: 0...30, using: &random) {
                    let page = Int.random(in: 0..<count, using: &random)
                    gpu[page] = -step
                    truth[page] = -step
                }
                continue
            }
            let page = Int.random(in: 0..<count, using: &random)
            let isWrite = Bool.random(using: &random)
            let isTold = Bool.random(using: &random)
            // A write of which the system does not say that it was one faults once more.
            for _ in 0..<2 where !allows(pages[page], isWrite) {
                let access: ManagedPages.Access = !isTold ? .unknown : isWrite ? .write : .read
                switch pages.touch(page, access) {
                case .nothing, .allowWrites: break
                case .refuse: Issue.record("page \(page) is the program's")
                case .fetch(let span):
                    for page in span.first..<span.first + span.count { host[page] = gpu[page] }
                    pages.show(span, isWritten: access == .write)
                }
            }
            #expect(allows(pages[page], isWrite))
            #expect(host[page] == truth[page])
            if isWrite {
                host[page] = step
                truth[page] = step
            }
        }
    }
}

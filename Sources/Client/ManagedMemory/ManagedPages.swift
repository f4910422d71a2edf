/// What the host's pages of some managed memory hold, and what becomes of them when the program touches one or
/// the GPU gets work: the rules of docs/adr/0022, without memory or network.
///
/// Pages are numbered from 0. Not thread-safe.
package struct ManagedPages: ~Copyable {
    /// What a page holds, which says what the program may do with it.
    package enum State: UInt8, Sendable {
        /// Nothing that was ever given to the GPU or came from it: reads and writes are not noticed.
        case fresh
        /// The GPU has the contents: any access is noticed.
        case absent
        /// The same as the GPU's: writes are noticed.
        case clean
        /// Newer than the GPU's.
        case dirty
        /// Nobody's: an access is the program's own fault.
        case unowned
    }

    /// Pages one behind another.
    package struct Span: Equatable, Sendable {
        /// The first page.
        package var first: Int
        /// How many, at least 1.
        package var count: Int

        /// A span of `count` pages.
        package init(first: Int, count: Int) {
            self.first = first
            self.count = count
        }
    }

    /// What there is to do so that a program can go on that has touched a page.
    package enum Answer: Equatable, Sendable {
        /// Nothing: another thread's access has done it.
        case nothing
        /// Get the contents from the GPU; then `show` them.
        case fetch(Span)
        /// Let the pages be written, which count as dirty from now on.
        case allowWrites(Span)
        /// Nothing: the access is wrong.
        case refuse
    }

    /// 64 KiB: what an access brings at first.
    package static let leastWindow = 16
    /// 4 MiB: what it brings at most, while accesses follow one another.
    package static let mostWindow = 1024

    /// How many pages there are.
    package let count: Int
    private let states: UnsafeMutablePointer<State>
    /// Whether a write to the page before one says nothing of that one: an allocation begins with it, or each page is
    /// written for itself.
    private let begins: UnsafeMutablePointer<Bool>
    /// Pages outside of this are absent.
    private var held: Range<Int>
    /// Where accesses would go on, and how many pages that one brought.
    private var next = 0
    private var window = ManagedPages.leastWindow

    /// `count` pages, at least 1, of which nobody has any.
    package init(count: Int) {
        self.count = count
        states = .allocate(capacity: count)
        states.initialize(repeating: .unowned, count: count)
        begins = .allocate(capacity: count)
        begins.initialize(repeating: false, count: count)
        held = 0..<0
    }

    deinit {
        states.deallocate()
        begins.deallocate()
    }

    /// What a page holds.
    package subscript(page: Int) -> State { states[page] }

    /// Whether the host has anything.
    package var isHeld: Bool { !held.isEmpty }

    /// Pages are an allocation from now on, and fresh.
    ///
    /// - Parameter isExact: Whether a write counts for its page alone, because the GPU may write to others at the same
    ///   time; else those around it count as written, too.
    package mutating func take(_ span: Span, isExact: Bool = false) {
        begins[span.first] = true
        if isExact { (begins + span.first).update(repeating: true, count: span.count) }
        set(span, .fresh)
        hold(span)
    }

    /// Pages belong to nobody any more.
    package mutating func give(_ span: Span) {
        (begins + span.first).update(repeating: false, count: span.count)
        set(span, .unowned)
    }

    /// What the program did with a page. The system may not say (gVisor): then nothing counts as written that may
    /// have been read, and a page that can be read was written.
    package enum Access: Int32, CaseIterable, Sendable {
        case read
        case write
        case unknown
    }

    /// The program has touched a page.
    package mutating func touch(_ page: Int, _ access: Access) -> Answer {
        switch states[page] {
        case .absent: return .fetch(span(from: page, access == .write))
        case .clean where access != .read:
            let span = span(from: page, true)
            set(span, .dirty)
            return .allowWrites(span)
        case .clean, .dirty, .fresh: return .nothing
        case .unowned: return .refuse
        }
    }

    /// Whether somebody has each page of a span.
    package func areOwned(_ span: Span) -> Bool {
        (span.first..<span.first + span.count).allSatisfy { states[$0] != .unowned }
    }

    /// Calls `body` with those pages of a span that the GPU has.
    package func forEachAbsent(in span: Span, _ body: (Span) -> Void) {
        var page = span.first
        while page < span.first + span.count {
            let run = run(from: page, below: span.first + span.count)
            if states[page] == .absent { body(run) }
            page += run.count
        }
    }

    /// Pages that were fetched are there.
    package mutating func show(_ span: Span, isWritten: Bool) {
        set(span, isWritten ? .dirty : .clean)
        hold(span)
    }

    private mutating func hold(_ span: Span) {
        held =
            held.isEmpty
            ? span.first..<span.first + span.count
            : min(held.lowerBound, span.first)..<max(held.upperBound, span.first + span.count)
    }

    /// The GPU gets work that may use the memory: the host loses its pages.
    ///
    /// - Parameters:
    ///   - hide: Takes the pages from the program.
    ///   - upload: Gives the GPU what they hold; whether they were ever given to the GPU.
    package mutating func release(
        hide: (Span) -> Void,
        upload: (Span, _ isFresh: Bool) -> Void
    ) {
        guard isHeld else { return }
        hide(Span(first: held.lowerBound, count: held.count))
        var page = held.lowerBound
        while page < held.upperBound {
            let state = states[page]
            let span = run(from: page, below: held.upperBound)
            if state == .dirty || state == .fresh { upload(span, state == .fresh) }
            if state != .unowned { set(span, .absent) }
            page += span.count
        }
        held = 0..<0
    }

    /// Pages in the same state as this one that are worth the same treatment now: more with every access that
    /// goes on where the last one ended. Those that count as written are of the same allocation: the GPU may
    /// write to another one at this time.
    private mutating func span(from page: Int, _ isWrite: Bool) -> Span {
        let goesOn = page == next
        window = goesOn ? min(window * 2, Self.mostWindow) : Self.leastWindow
        // An access in the middle brings what is around it, because it may be one of several.
        var first = page
        let least = goesOn ? page : page & ~(Self.leastWindow - 1)
        while first > least, states[first - 1] == states[page], !(isWrite && begins[first]) {
            first -= 1
        }
        var end = min(count, first + window)
        if isWrite, let other = (page + 1..<max(end, page + 1)).first(where: { begins[$0] }) {
            end = other
        }
        let span = run(from: first, below: end)
        next = span.first + span.count
        return span
    }

    private func run(from first: Int, below end: Int) -> Span {
        var last = first + 1
        while last < end, states[last] == states[first] { last += 1 }
        return Span(first: first, count: last - first)
    }

    private func set(_ span: Span, _ state: State) {
        (states + span.first).update(repeating: state, count: span.count)
    }
}

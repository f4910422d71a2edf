import CLI
import Testing
import Wire

@Suite struct DataPathTests {
    private func path(
        _ choice: TransportChoice = .auto,
        offered: String? = "/run/ferry/data.sock",
        security: String = "tls",
        address: String = "10.0.0.1",
        link: String? = nil,
        isUsable: Bool = true
    ) throws -> DataPath {
        try DataPath(
            choice: choice,
            offered: offered,
            security: security,
            address: address,
            link: link.flatMap { LinkArgument(argument: $0) },
            isUsable: { _ in isUsable }
        )
    }

    @Test func `what the lease file says`() throws {
        #expect(try path().lines == "unix /run/ferry/data.sock\n")
        #expect(try path(isUsable: false).lines == "")
        #expect(try path(offered: nil).lines == "")
        #expect(try path(offered: "/a\nb").lines == "")
        #expect(
            try path(.tcp, security: "clear").lines == "unix /run/ferry/data.sock\ntransport tcp\n"
        )
        let shared = try path(.shm, link: "250us,10gbit").lines
        #expect(shared == "unix /run/ferry/data.sock\ntransport shm\nlink 125000 10000\n")
    }

    @Test(arguments: [TransportChoice.unix, .shm])
    func `what cannot be had is refused at once`(_ choice: TransportChoice) {
        for offered in ["/x", nil] {
            let failure = #expect(throws: Failure.self) {
                _ = try path(choice, offered: offered, isUsable: false)
            }
            #expect(failure?.message.contains("--transport \(choice.name) is not possible") == true)
        }
    }

    @Test func `nothing is encrypted or clear against the server's word`() throws {
        _ = try path(.tls, security: "tls")
        #expect(throws: Failure.self) { _ = try path(.tls, security: "clear") }
        #expect(throws: Failure.self) { _ = try path(.tcp, security: "tls") }
    }

    @Test func `a network is emulated on one host only`() throws {
        #expect(throws: Failure.self) { _ = try path(link: "1ms", isUsable: false) }
        _ = try path(address: "127.0.0.1", link: "1ms", isUsable: false)
        _ = try path(link: "1ms")
    }

    @Test(
        arguments: [
            ("250us", 250_000, 0), ("50us,10gbit", 50_000, 10_000),
            ("1.5ms,100mbit", 1_500_000, 100),
            ("20µs", 20_000, 0), ("0us,1gbit", 0, 1000), ("1s", 1_000_000_000, 0),
        ] as [(String, UInt64, UInt64)]
    )
    func `networks as people write them`(_ row: (text: String, time: UInt64, rate: UInt64)) throws {
        let link = try #require(LinkArgument(argument: row.text))
        #expect(link.roundTrip == row.time)
        #expect(link.megabits == row.rate)
    }

    @Test(arguments: [
        "", "us", "250", "250 us", "-1us", "250us,", "250us,10", "250us,0gbit", "1us,1gbit,2",
        "0us", "10s", "1e9us", "5us,9999gbit", "inf", "nanus", "٣us",
    ])
    func `what is no network`(_ text: String) {
        #expect(LinkArgument(argument: text) == nil)
    }

    @Test func `notes of processes`() {
        func bytes(_ transport: String, _ program: String) -> [UInt8] {
            [transport, program].flatMap { text in
                Array(text.utf8) + [UInt8](repeating: 0, count: 32 - text.utf8.count)
            }
        }
        let note = SessionNote(name: "42.session", bytes: bytes("shm", "pro\u{1b}g"))
        #expect(note?.process == 42)
        #expect(note?.transport == "shm")
        #expect(note?.program == "pro?g")
        #expect(SessionNote(name: "x.session", bytes: bytes("shm", "p")) == nil)
        #expect(SessionNote(name: "1.stats", bytes: bytes("shm", "p")) == nil)
        #expect(SessionNote(name: "1.session", bytes: [1]) == nil)
        #expect(SessionNote(name: "1.session", bytes: bytes("", "p")) == nil)
    }

    @Test func `what figures mean`() {
        let figures = LinkFigures(
            spinning: .init([10_000, 20_000, 30_000]),
            blocking: .init([]),
            messagesPerSecond: 10e6,
            toServer: [1e9, 2e9],
            fromServer: [1e9, 1e9]
        )
        #expect(figures.spinning.medianUs == 20)
        #expect(figures.spinning.p99Us == 30)
        let prospect = Prospect(figures)
        #expect(abs(prospect.stepUs - 54.75) < 0.01)
        #expect(abs(prospect.workMs - 0.4) < 0.001)
        #expect(abs(prospect.gibibyteSeconds - 0.537) < 0.001)
        #expect(prospect.text.contains("about 54.8 us longer"))
        let report = NetperfReport(
            address: "a:1",
            transports: [.init("tcp", figures), .init("shm", reason: "why")]
        )
        #expect(report.table().contains("TRANSPORT"))
        #expect(report.table().contains("shm: not measured: why"))
    }
}

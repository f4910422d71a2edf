import Client
import Testing
import Wire

@Suite struct LeaseTests {
    private static let identifier = "00112233445566778899aabbccddeeff"
    private static let secret = String(repeating: "0f", count: 32)
    private static let whole = """
        ferry-lease 1
        lease \(identifier)
        secret \(secret)
        server 127.0.0.1 56002 2 tls

        """

    @Test func `a lease file`() throws {
        let lease = try #require(parseLease(Self.whole))
        #expect(lease.identifier[0] == 0)
        #expect(lease.identifier[15] == 0xFF)
        #expect(lease.secret[31] == 0x0F)
        #expect(lease.port == 56_002)
        var address: [CChar] = []
        for index in 0..<10 { address.append(lease.address[index]) }
        #expect(text(address) == "127.0.0.1")
    }

    @Test func `how connections are protected`() throws {
        #expect(try #require(parseLease(Self.whole)).security == .tls)
        let clear = Self.whole.replacing(" tls", with: " clear")
        #expect(try #require(parseLease(clear)).security == .clear)
    }

    @Test func `where counts go`() throws {
        func folder(_ lease: Lease) -> String {
            var characters: [CChar] = []
            for index in 0..<256 { characters.append(lease.statistics[index]) }
            return text(characters)
        }
        #expect(folder(try #require(parseLease(Self.whole))) == "")
        let counted = try #require(parseLease(Self.whole + "statistics /a folder/x\n"))
        #expect(folder(counted) == "/a folder/x")
        #expect(!counted.isTraced)
        #expect(try #require(parseLease(Self.whole + "statistics /x\r\ntrace\r\n")).isTraced)
    }

    @Test func `how to reach the server`() throws {
        func characters(_ path: InlineArray<256, CChar>) -> String {
            text((0..<256).map { path[$0] })
        }
        let plain = try #require(parseLease(Self.whole))
        #expect(plain.transport == .auto)
        #expect(!plain.link.isPlayed)
        #expect(characters(plain.socketPath) == "")
        let lines = "unix /a b/s\ntransport shm\nlink 125000 10000\nstatistics /x\nreport /y\n"
        let all = try #require(parseLease(Self.whole + lines))
        #expect(characters(all.socketPath) == "/a b/s")
        #expect(all.transport == .shm)
        #expect(all.link == LinkShape(delay: 125_000, megabits: 10_000))
        #expect(characters(all.statistics) == "/x")
        #expect(characters(all.report) == "/y")
        for choice in TransportChoice.allCases {
            #expect(parseLease(Self.whole + "transport \(choice.name)\n")?.transport == choice)
        }
        for wrong in [
            "transport\n", "transport shmem\n", "link 1\n", "link 1000000000 1\n",
            "link 1 1000001\n", "unix\n", "transport tcp\nunix /x\n",
        ] {
            #expect(parseLease(Self.whole + wrong) == nil, "\(wrong)")
        }
    }

    @Test func `blank lines, tabs and other line ends`() {
        #expect(parseLease(Self.whole.replacing("\n", with: "\r\n")) != nil)
        #expect(parseLease("\n\n" + Self.whole.replacing(" ", with: "\t") + "\n \n") != nil)
        #expect(parseLease(String(Self.whole.dropLast())) != nil)
        #expect(parseLease(Self.whole.replacing("127.0.0.1", with: "fe80::1")) != nil)
    }

    static let changes: [(String, String)] = [
        ("ferry-lease 1", "ferry-lease 2"),
        ("ferry-lease 1", "ferry-lease"),
        ("ferry-lease", "ferry-leases"),
        ("lease 0", "leese 0"),
        ("lease 00", "lease 0"),
        ("lease 00", "lease 0000"),
        ("lease 00", "lease 0g"),
        ("lease 00", "lease 0A"),
        ("secret 0f", "secret "),
        ("secret 0f", "secret 0f0f"),
        ("secret", "secrets"),
        ("server ", "servers "),
        (" 56002 ", " 0 "),
        (" 56002 ", " 65536 "),
        (" 56002 ", " 99999999999999999999 "),
        (" 56002 ", " -1 "),
        (" 56002 ", " port "),
        (" 56002 2", " 56002"),
        (" 56002 2", " 56002 x"),
        (" tls\n", " tls\nserver 127.0.0.2 56002 2\n"),
        (" tls\n", "\n"),
        (" tls\n", " tsl\n"),
        (" tls\n", " clear tls\n"),
        (" tls\n", " tls clear\n"),
        (" tls\n", " 3\n"),
        ("127.0.0.1", String(repeating: "1", count: 64)),
        ("server 127.0.0.1", "server"),
        (" tls\n", " tls\nstatistics \n"),
        (" tls\n", " tls\nstatistics /\(String(repeating: "x", count: 255))\n"),
        (" tls\n", " tls\ntrace\n"),
        (" tls\n", " tls\nstatistics /x\ntrace more\n"),
    ]

    @Test(arguments: changes)
    func `malformed`(_ change: (from: String, to: String)) {
        let text = Self.whole.replacing(change.from, with: change.to)
        #expect(text != Self.whole)
        #expect(parseLease(text) == nil)
    }

    @Test func `every beginning of one is none`() {
        let end = Self.whole.utf8.count - 2
        for count in 0..<end {
            #expect(parseLease(String(Self.whole.prefix(count))) == nil, "\(count) bytes")
        }
    }
}

import Glibc
import NIOHTTP1
import Pool
import Server
import Testing
import Wire

@Suite(.serialized) struct DataPortTests {
    @Test func aProvenClientGetsAWorkerOfItsOwn() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let lease = try await daemon.lease(#""gpus":2,"memory_mib":100"#)
                let connection = try await daemon.connect(lease)
                // What is sent right behind the greeting is the worker's.
                connection.send(Array("ping".utf8))
                #expect(try await connection.receive(4) == Array("ping".utf8))
                let pid = try #require(try await daemon.workers(lease.id).first)
                let arguments = try scratch.note("arguments", of: pid)
                let size = 100 << 20
                #expect(
                    arguments.hasPrefix(
                        "serve --socket-fd 3 --key-fd 4 --driver \(scratch.path)/lib/software/libcuda.so.1 "
                            + "--device GPU-0=\(size) --device GPU-1=\(size) --lease \(lease.id) "
                            + "--name u@h:4711 prog [2J"
                    )
                )
                let environment = try scratch.note("environment", of: pid).split(separator: "\n")
                let names = environment.map { $0.prefix { $0 != "=" } }
                #expect(
                    Set(names).subtracting(["PWD", "SHLVL", "_", "OLDPWD"]) == [
                        "PATH", "FERRY_SOFT_GPU_COUNT",
                    ]
                )
                // 0 to 4, and the one that ls itself opened.
                #expect(try scratch.note("descriptors", of: pid).split(separator: "\n").count == 6)
                shutdown(connection.socket, Int32(SHUT_WR))
                #expect(try await eventually { try await daemon.workers(lease.id).isEmpty })
            }
        }
    }

    @Test func aWorkerGetsTheKeyOfItsConnectionAndNobodySeesIt() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let lease = try await daemon.lease()
                let connection = try await daemon.connect(lease)
                let key = Handshake.connectionKey(
                    secret: InlineArray(bytes: lease.secret),
                    server: try #require(connection.hello),
                    client: try #require(connection.greeting)
                )
                let pid = try #require(try await daemon.workers(lease.id).first)
                let given = try scratch.note("key", of: pid).filter { $0.isHexDigit }
                #expect(given == Hex.encode(key.bytes))
                for name in ["arguments", "environment"] {
                    let text = try scratch.note(name, of: pid)
                    #expect(!text.contains(given))
                    #expect(!text.contains(Hex.encode(lease.secret)))
                }
            }
        }
    }

    @Test(arguments: [Security.tls, .clear])
    func whoWantsTheOtherSecurityIsRefused(_ security: Security) async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch, configure: { $0.dataSecurity = security }) {
                daemon in
                let answer = try await daemon.call(
                    .POST,
                    "/v1/leases",
                    body: DaemonFixture.wish(#""gpus":1"#)
                )
                #expect(answer.json["data_security"] as? String == "\(security.word)")
                let id = try #require(LeaseID(hex: answer.json["id"] as? String ?? ""))
                let secret = try #require(Hex.decode(answer.json["secret"] as? String ?? ""))
                // A worker ends with its connection.
                var kept: [DataConnection] = []
                for wanted in [UInt8(0), 1, 2, 255] {
                    let connection = try DataConnection(port: daemon.addresses.dataPort)
                    let verdict = try #require(
                        try await connection.shake(lease: id, secret: secret) {
                            $0.security = wanted
                        }
                    )
                    if wanted == security.rawValue {
                        #expect(verdict.status == 0)
                        kept.append(connection)
                        continue
                    }
                    #expect(verdict.status == 8)
                    #expect(verdict.message.contains("encrypt"))
                    #expect(try await connection.receive(1).isEmpty)
                }
                let isListed = try await eventually { try await !daemon.workers(id).isEmpty }
                #expect(isListed)
                let pid = try #require(try await daemon.workers(id).first)
                let isClear = try await eventually {
                    try scratch.note("arguments", of: pid).contains("--clear-text")
                        == (security == .clear)
                }
                #expect(isClear)
                #expect(kept.count == 1)
            }
        }
    }

    @Test func theEndOfALeaseIsTheEndOfItsWorkersAndOfNoOthers() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let first = try await daemon.lease()
                let second = try await daemon.lease()
                let connections = [
                    try await daemon.connect(first), try await daemon.connect(first),
                ]
                let other = try await daemon.connect(second)
                let workers = try await daemon.workers(first.id)
                #expect(workers.count == 2)
                #expect(try await daemon.call(.DELETE, "/v1/leases/\(first.id)").status == 204)
                for connection in connections { #expect(try await connection.receive(1).isEmpty) }
                #expect(try await eventually { !workers.contains(where: isAlive) })
                other.send([1, 2, 3])
                #expect(try await other.receive(3) == [1, 2, 3])
                let late = try DataConnection(port: daemon.addresses.dataPort)
                #expect(try await late.shake(lease: first.id, secret: first.secret)?.status == 5)
            }
        }
    }

    @Test func aWorkerThatDiesDisturbsNobody() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let lease = try await daemon.lease()
                let victim = try await daemon.connect(lease)
                let pid = try #require(try await daemon.workers(lease.id).first)
                let other = try await daemon.connect(lease)
                kill(pid, SIGKILL)
                #expect(try await victim.receive(1).isEmpty)
                other.send([9])
                #expect(try await other.receive(1) == [9])
                #expect(try await eventually { try await daemon.workers(lease.id).count == 1 })
                #expect(!isAlive(pid))
            }
        }
    }

    @Test func strangersAreRefusedWithAReason() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let lease = try await daemon.lease()
                let port = daemon.addresses.dataPort
                let wrong = [UInt8](repeating: 0, count: 32)
                let unknown = try #require(LeaseID(bytes: [UInt8](repeating: 1, count: 16)))
                #expect(
                    try await DataConnection(port: port).shake(lease: unknown, secret: wrong)?
                        .status == 3
                )
                let forger = try DataConnection(port: port)
                let verdict = try #require(try await forger.shake(lease: lease.id, secret: wrong))
                #expect(verdict.status == 4)
                #expect(!verdict.isProven)
                #expect(verdict.message.contains("proof"))
                #expect(try await forger.receive(1).isEmpty)
                let browser = try DataConnection(port: port)
                #expect(try await browser.readHello())
                browser.send(Array(repeating: 0x20, count: 128))
                #expect(try await browser.readVerdict()?.status == 1)
                let future = try DataConnection(port: port)
                let answer = try await future.shake(lease: lease.id, secret: lease.secret) {
                    $0.version = 99
                }
                #expect(answer?.status == 2)
                #expect(try await daemon.workers(lease.id).isEmpty)
                _ = try await daemon.connect(lease)
            }
        }
    }

    @Test func silentAndHalfGreetingsEndAndBlockNobody() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let lease = try await daemon.lease()
                let port = daemon.addresses.dataPort
                let silent = try (0..<300).map { _ in try DataConnection(port: port) }
                let half = try DataConnection(port: port)
                #expect(try await half.readHello())
                half.send([UInt8](repeating: 0x46, count: 60))
                _ = try await daemon.connect(lease)
                // The oldest had to make room; the others end by the clock, without a verdict.
                #expect(try await silent[0].receive(1000).count == 48)
                #expect(try await half.receive(1).isEmpty)
            }
        }
    }

    @Test func aMissingWorkerProgramIsSaid() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let lease = try await daemon.lease()
                chmod(scratch.worker, 0o644)
                // Root may execute nothing that nobody may.
                let connection = try DataConnection(port: daemon.addresses.dataPort)
                let verdict = try await connection.shake(lease: lease.id, secret: lease.secret)
                #expect(verdict?.status == 6)
            }
        }
    }
}

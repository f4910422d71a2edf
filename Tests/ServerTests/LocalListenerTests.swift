import CTestSupport
import Foundation
import Glibc
import NIOHTTP1
import Pool
import Server
import Testing
import Wire

@Suite(.serialized) struct LocalListenerTests {
    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test func everyUserMayPassAndNoneMayList() async throws {
        try await Scratch.with { scratch in
            let listener = try LocalListener(folder: scratch.path + "/run")
            #expect(try mode(scratch.path + "/run") == 0o711)
            #expect(try mode(listener.path) == 0o666)
            listener.remove()
            #expect(access(listener.path, F_OK) != 0)
        }
    }

    @Test func aStaleSocketIsReplacedAndALivingOneIsNot() async throws {
        try await Scratch.with { scratch in
            var first: LocalListener? = try LocalListener(folder: scratch.path)
            let path = try #require(first?.path)
            let failure = #expect(throws: SystemError.self) {
                _ = try LocalListener(folder: scratch.path)
            }
            #expect(failure?.code == EADDRINUSE)
            first = nil
            #expect(access(path, F_OK) == 0, "it is left behind")
            let second = try LocalListener(folder: scratch.path)
            #expect(test_connect_path(path) >= 0)
            second.remove()
        }
    }

    @Test func aPathThatNoAddressHoldsIsAnError() async throws {
        try await Scratch.with { scratch in
            let long = scratch.path + "/" + String(repeating: "x", count: 100)
            let failure = #expect(throws: SystemError.self) { _ = try LocalListener(folder: long) }
            #expect(failure?.code == ENAMETOOLONG)
            #expect(failure?.description.contains("longer than 107 bytes") == true)
            // The server starts without it.
            try await DaemonFixture.with(
                scratch,
                configure: { $0.socketDirectory = long },
                { daemon in
                    let answer = try await daemon.call(.GET, "/v1/server")
                    #expect(answer.json["data_socket"] == nil)
                }
            )
        }
    }

    @Test func clientsComeInByTheSocket() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(
                scratch,
                configure: { $0.socketDirectory = scratch.path + "/run" },
                { daemon in
                    let lease = try await daemon.lease()
                    let answer = try await daemon.call(.GET, "/v1/server")
                    let path = try #require(answer.json["data_socket"] as? String)
                    let connection = try DataConnection(path: path)
                    let verdict = try await connection.shake(lease: lease.id, secret: lease.secret)
                    {
                        $0.security = Security.clear.rawValue
                    }
                    #expect(verdict?.status == 0)
                    #expect(verdict?.isProven == true)
                    connection.send([0x77])
                    #expect(try await connection.receive(1) == [0x77])
                    let pid = try #require(try await daemon.workers(lease.id).first)
                    #expect(!(try scratch.note("arguments", of: pid)).contains("--link-offer"))
                    let forger = try DataConnection(path: path)
                    let wrong = [UInt8](repeating: 1, count: 32)
                    #expect(try await forger.shake(lease: lease.id, secret: wrong)?.status == 4)
                }
            )
            #expect(access(scratch.path + "/run/data.sock", F_OK) != 0, "removed at the end")
        }
    }

    @Test func anOfferIsPassedOnToTheWorker() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let lease = try await daemon.lease()
                let connection = try DataConnection(port: daemon.addresses.dataPort)
                let verdict = try await connection.shake(lease: lease.id, secret: lease.secret) {
                    $0.channel |= Handshake.offersLink
                }
                #expect(verdict?.status == 0)
                connection.send([1])
                #expect(try await connection.receive(1) == [1])
                let pid = try #require(try await daemon.workers(lease.id).first)
                #expect(
                    try scratch.note("arguments", of: pid)
                        .hasPrefix("serve --socket-fd 3 --key-fd 4 --link-offer --driver")
                )
            }
        }
    }

    @Test func aPermitOpensConnectionsWithoutADriver() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                #expect(
                    try await daemon.call(.POST, "/v1/netperf", authorization: .some(nil)).status
                        == 401
                )
                let answer = try await daemon.call(.POST, "/v1/netperf")
                #expect(answer.status == 201)
                let id = try #require(LeaseID(hex: answer.json["id"] as? String ?? ""))
                let secret = try #require(Hex.decode(answer.json["secret"] as? String ?? ""))
                let connections = try (0..<17).map { _ in
                    try DataConnection(port: daemon.addresses.dataPort)
                }
                for (number, connection) in connections.enumerated() {
                    let verdict = try await connection.shake(lease: id, secret: secret)
                    #expect(verdict?.status == (number < 16 ? 0 : 7))
                    guard number < 16 else { continue }
                    connection.send([9])
                    #expect(try await connection.receive(1) == [9])
                }
                let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
                let notes = names.filter { $0.hasPrefix("arguments.") }
                #expect(notes.count == 16)
                for note in notes {
                    let text = try String(
                        contentsOfFile: scratch.path + "/" + note,
                        encoding: .utf8
                    )
                    #expect(text.hasPrefix("echo --socket-fd 3 --key-fd 4 --lease \(id)"))
                }
                #expect(try await daemon.call(.GET, "/v1/leases/\(id)").status == 404)
            }
        }
    }

    @Test func whatAWorkerSaysOfItsTransportIsBelievedOnce() {
        var table = WorkerTable(patience: 1)
        let lease = LeaseID(bytes: [UInt8](repeating: 1, count: 16))
        guard let lease else { return }
        let info = WorkerInfo(lease: lease, pid: 5, startTicks: 1, clientPID: 2, program: "p")
        table.add(info, key: 5)
        #expect(table.transport(5) == nil)
        table.note(transport: "shm", of: 5)
        table.note(transport: "tcp", of: 5)
        #expect(table.transport(5) == "shm")
    }
}

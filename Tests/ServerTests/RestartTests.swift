import Foundation
import Glibc
import NIOHTTP1
import Server
import Testing

@Suite(.serialized) struct RestartTests {
    @Test func leasesWorkersAndTokenOutliveTheDaemon() async throws {
        try await Scratch.with { scratch in
            let (lease, connection, pid, token) = try await DaemonFixture.with(scratch) { daemon in
                let lease = try await daemon.lease(#""gpus":1,"memory_fraction":0.5"#)
                let connection = try await daemon.connect(lease)
                let pid = try #require(try await daemon.workers(lease.id).first)
                // The worker is in the store a moment after it was started.
                try await Task.sleep(for: .milliseconds(300))
                return (lease, connection, pid, daemon.token)
            }
            connection.send([1])
            #expect(try await connection.receive(1) == [1])
            try await DaemonFixture.with(scratch) { daemon in
                #expect(daemon.token == token)
                #expect(try await daemon.call(.GET, "/v1/leases/\(lease.id)").status == 200)
                #expect(try await daemon.workers(lease.id) == [pid])
                connection.send([2])
                #expect(try await connection.receive(1) == [2])
                let second = try await daemon.connect(lease)
                second.send([3])
                #expect(try await second.receive(1) == [3])
                // The half that the old lease has is still taken.
                _ = try await daemon.lease()
                let third = try await daemon.call(
                    .POST,
                    "/v1/leases",
                    body: DaemonFixture.wish(#""gpus":1"#)
                )
                #expect(third.status == 409)
                #expect(try await daemon.call(.DELETE, "/v1/leases/\(lease.id)").status == 204)
                #expect(try await connection.receive(1).isEmpty)
                #expect(try await eventually { !isAlive(pid) })
            }
            try await DaemonFixture.with(scratch) { daemon in
                let answer = try await daemon.call(.GET, "/v1/leases/\(lease.id)")
                #expect(answer.status == 410)
            }
        }
    }

    @Test func twoDaemonsDoNotShareAStateFolder() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { _ in
                await #expect(throws: SystemError.self) {
                    try await DaemonFixture.with(scratch) { _ in }
                }
            }
        }
    }

    @Test func theStateIsForItsOwnerAlone() async throws {
        try await Scratch.with { scratch in
            let second = scratch.path + "/given.json"
            try await DaemonFixture.with(scratch) { configuration in
                configuration.clientFile = second
            } _: { daemon in
                for name in ["", "/ca.key", "/server.key", "/ferry.sqlite", "/client.json"] {
                    let attributes = try FileManager.default.attributesOfItem(
                        atPath: scratch.state + name
                    )
                    let mode = try #require(attributes[.posixPermissions] as? Int)
                    #expect(mode & 0o077 == 0, "\(name)")
                }
                let given = try ClientFile.read(second)
                #expect(given?.token == daemon.token)
            }
        }
    }

    @Test func aLostClientFileIsReplacedByANewTokenBesideTheOld() async throws {
        try await Scratch.with { scratch in
            let old = try await DaemonFixture.with(scratch) { $0.token }
            unlink(scratch.state + "/client.json")
            try await DaemonFixture.with(scratch) { daemon in
                #expect(daemon.token != old)
                let answer = try await daemon.call(
                    .GET,
                    "/v1/gpus",
                    authorization: .some("Bearer \(old)")
                )
                #expect(answer.status == 200)
            }
        }
    }

    @Test func aDriverThatWasNamedIsNotReplaced() async throws {
        try await Scratch.with { scratch in
            await #expect(throws: InventoryError.self) {
                try await DaemonFixture.with(scratch) {
                    $0.driver = "/nowhere.so"
                } _: { _ in
                }
            }
            try await DaemonFixture.with(scratch) {
                $0.driver = "/x/named.so"
            } _: { daemon in
                let driver = try await daemon.call(.GET, "/v1/server").json["driver"]
                #expect((driver as? [String: Any])?["path"] as? String == "/x/named.so")
            }
        }
    }
}

import CUDAABI
import Client
import Foundation
import Testing
import Wire

extension ClientTests {
    @Suite struct Encryption {
        @Test func `a session over TLS`() async throws {
            let server = try FakeServer(security: .tls)
            try await withSession(server) {
                let address = try allocate(8 << 20)
                let sent = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
                #expect(ClientCalls.cuMemcpyHtoD_v2(address, sent, sent.count) == 0)
                var found = [UInt8](repeating: 0, count: sent.count)
                #expect(ClientCalls.cuMemcpyDtoH_v2(&found, address, found.count) == 0)
                #expect(found == sent)
            }
        }

        @Test(arguments: [FakeServer.Greeting.otherKey, .speaksClear, .wrongProof])
        func `a server that does not encrypt with our key gets nothing`(
            _ greeting: FakeServer.Greeting
        ) async throws {
            let server = try FakeServer(greets: greeting, security: .tls)
            try await onNewThread {
                defer { Session.end() }
                #expect(start(server) == 46)
            }
            #expect(server.requests.isEmpty)
        }

        @Test func `a refusal is read although TLS was offered already`() async throws {
            let server = try FakeServer(
                greets: .refuses(.otherSecurity, "not like this"),
                security: .tls
            )
            try await onNewThread {
                defer { Session.end() }
                #expect(start(server) == 46)
            }
        }

        @Test func `a server that never answers is given up`() async throws {
            let server = try FakeServer(greets: .isSilent, security: .tls)
            try await onNewThread {
                defer { Session.end() }
                let begin = Date()
                #expect(start(server) == 46)
                #expect(Date().timeIntervalSince(begin) < 12)
            }
        }
    }
}

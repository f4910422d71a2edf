import NIOHTTP1
import Server
import Testing

@Suite(.serialized) struct APITests {
    @Test func nobodyGetsInWithoutTheToken() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let health = try await daemon.call(.GET, "/healthz", authorization: .some(nil))
                #expect(health.status == 200)
                #expect(health.json["status"] as? String == "ok")
                let wrong: [String?] = [
                    nil, "", "Bearer", "Bearer ", "Bearer x", "Basic \(daemon.token)",
                    "Bearer \(daemon.token)x", "Bearer \(daemon.token.dropLast())",
                ]
                for header in wrong {
                    for path in [
                        "/v1/gpus", "/v1/leases", "/", "/nothing", "/healthz/", "/v1/server",
                    ] {
                        let answer = try await daemon.call(.GET, path, authorization: .some(header))
                        #expect(answer.status == 401, "\(path) with \(header ?? "nothing")")
                        #expect(answer.problem == "unauthorized")
                        #expect(answer.headers.contains(name: "www-authenticate"))
                    }
                }
                let lower = try await daemon.call(
                    .GET,
                    "/v1/gpus",
                    authorization: .some("bearer \(daemon.token)")
                )
                #expect(lower.status == 200)
            }
        }
    }

    @Test func nonsenseIsAnsweredWithProblemDetails() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let wish = DaemonFixture.wish
                let long = String(repeating: "x", count: 20_000)
                let cases: [(String, Int, String)] = [
                    ("", 400, "bad-request"), ("{", 400, "bad-request"), ("[]", 400, "bad-request"),
                    ("{}", 400, "bad-request"), ("\u{0}", 400, "bad-request"),
                    (#"{"gpus":1}"#, 400, "bad-request"),
                    (wish(#""gpus":"1""#), 400, "bad-request"),
                    (wish(#""gpus":0"#), 400, "bad-request"),
                    (wish(#""gpus":-1"#), 400, "bad-request"),
                    (wish(#""gpus":1.5"#), 400, "bad-request"),
                    (wish(#""gpus":99999999999999999999"#), 400, "bad-request"),
                    (wish(#""gpus":1,"memory_fraction":0"#), 400, "bad-request"),
                    (wish(#""gpus":1,"memory_fraction":1.1"#), 400, "bad-request"),
                    (wish(#""gpus":1,"memory_mib":0"#), 400, "bad-request"),
                    (wish(#""gpus":1,"memory_mib":1,"memory_fraction":1"#), 400, "bad-request"),
                    (wish(#""gpus":1,"memory_mb":1"#), 400, "bad-request"),
                    (wish(#""gpus":1,"x":"\#(long)""#), 413, "content-too-large"),
                    (wish(#""gpus":3"#), 422, "never-satisfiable"),
                    (wish(#""gpus":1,"memory_mib":4097"#), 422, "never-satisfiable"),
                ]
                for (body, status, problem) in cases {
                    let answer = try await daemon.call(.POST, "/v1/leases", body: body)
                    #expect(answer.status == status, "\(body.prefix(80)): \(answer.text)")
                    #expect(answer.problem == problem, "\(body.prefix(80)): \(answer.text)")
                }
                let text = try await daemon.call(
                    .POST,
                    "/v1/leases",
                    body: wish(#""gpus":1"#),
                    type: "text/plain"
                )
                #expect(text.problem == "unsupported-media-type")
                #expect(try await daemon.call(.GET, "/v2").problem == "not-found")
                let put = try await daemon.call(.PUT, "/v1/leases")
                #expect(put.problem == "method-not-allowed")
                #expect(put.headers.first(name: "allow") == "GET, POST")
                for path in ["/v1/leases/x", "/v1/leases/" + String(repeating: "0", count: 32)] {
                    #expect(try await daemon.call(.GET, path).problem == "lease-not-found")
                    #expect(try await daemon.call(.DELETE, path).problem == "lease-not-found")
                    let beat = try await daemon.call(.POST, path + "/heartbeat")
                    #expect(beat.problem == "lease-not-found")
                }
                let leases = try await daemon.call(.GET, "/v1/leases")
                #expect((leases.json["leases"] as? [Any])?.isEmpty == true)
            }
        }
    }

    @Test func aLeaseIsTakenShownAndGivenBack() async throws {
        try await Scratch.with { scratch in
            try await DaemonFixture.with(scratch) { daemon in
                let (id, secret) = try await daemon.lease(#""gpus":2,"memory_fraction":0.5"#)
                #expect(secret.count == 32)
                let shown = try await daemon.call(.GET, "/v1/leases/\(id)")
                #expect(shown.status == 200)
                #expect(!shown.text.contains("secret"))
                #expect((shown.json["gpus"] as? [[String: Any]])?.count == 2)
                let gpus = try await daemon.call(.GET, "/v1/gpus").json["gpus"] as? [[String: Any]]
                #expect(gpus?.map { $0["memory_free_bytes"] as? Int } == [2 << 30, 2 << 30])
                #expect(gpus?.first?["leases"] as? [String] == ["\(id)"])
                let busy = try await daemon.call(
                    .POST,
                    "/v1/leases",
                    body: DaemonFixture.wish(#""gpus":1"#)
                )
                #expect(busy.status == 409)
                #expect(busy.problem == "not-enough-gpus")
                #expect((busy.json["free"] as? [Any])?.count == 2)
                #expect(try await daemon.call(.POST, "/v1/leases/\(id)/heartbeat").status == 204)
                #expect(try await daemon.call(.DELETE, "/v1/leases/\(id)").status == 204)
                #expect(try await daemon.call(.DELETE, "/v1/leases/\(id)").status == 204)
                let late = try await daemon.call(.POST, "/v1/leases/\(id)/heartbeat")
                #expect(late.problem == "lease-ended")
                #expect(try await daemon.call(.GET, "/v1/leases/\(id)").status == 410)
                _ = try await daemon.lease(#""gpus":2"#)
            }
        }
    }
}

import CLI
import Foundation
import Glibc
import Logging
import Server
import Testing

/// The real `ferry` against a real daemon with a stand-in for the worker.
@Suite(.serialized) struct RunTests {
    private struct World {
        let folder: String
        let clientFile: String
        var environment: [String: String] {
            [
                "PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder,
                "FERRY_CLIENT_FILE": clientFile, "FERRY_LIBRARY_DIR": folder + "/lib",
                "LD_LIBRARY_PATH": ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "",
            ]
        }
    }

    private struct Outcome {
        var status: Int32
        var output: String
        var complaint: String
    }

    private static var ferry: String {
        get throws {
            let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return URL(filePath: tests).deletingLastPathComponent().path + "/ferry"
        }
    }

    private func withWorld(_ body: (World) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/ferry-run-\(UUID().uuidString)"
        let client = folder + "/lib/client"
        try FileManager.default.createDirectory(atPath: client, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "".write(toFile: client + "/libcuda.so.1", atomically: true, encoding: .utf8)
        let script = """
            #!/bin/sh
            echo '{"driver_path":"x","driver_version":13000,"driver_kind":"software","gpus":[
            {"index":0,"uuid":"GPU-0","name":"Fake","memory_bytes":1073741824,
            "compute_capability":"8.0","pci_bus_id":"0"}]}'
            """
        try script.write(toFile: folder + "/worker", atomically: true, encoding: .utf8)
        chmod(folder + "/worker", 0o755)
        var configuration = DaemonConfiguration(
            stateDirectory: folder + "/state",
            worker: folder + "/worker",
            libraryDirectory: folder
        )
        (configuration.port, configuration.dataPort) = (0, 0)
        (configuration.heartbeatSeconds, configuration.graceSeconds) = (1, 3)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let daemon = Daemon(configuration: configuration, logger: logger)
        let (stream, continuation) = AsyncStream<String>.makeStream()
        let task = Task {
            defer { continuation.finish() }
            try await daemon.run(signals: false) { continuation.yield($0.clientFile) }
        }
        let file = try #require(await stream.first { _ in true })
        let result: Void? = try await body(World(folder: folder, clientFile: file))
        _ = result
        task.cancel()
        _ = await task.result
    }

    private func start(
        _ world: World,
        program: String? = nil,
        _ arguments: [String],
        _ change: [String: String] = [:]
    ) throws -> (process: Process, output: Pipe, complaint: Pipe) {
        let process = Process()
        process.executableURL = URL(filePath: try program ?? Self.ferry)
        process.arguments = arguments
        process.environment = world.environment.merging(change) { _, new in new }
        let (output, complaint) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaint
        process.standardInput = FileHandle.nullDevice
        // This thread blocks signals; the program's parent shall not.
        var (none, mine) = (sigset_t(), sigset_t())
        pthread_sigmask(SIG_SETMASK, &none, &mine)
        defer { pthread_sigmask(SIG_SETMASK, &mine, nil) }
        try process.run()
        return (process, output, complaint)
    }

    private func run(
        _ world: World,
        program: String? = nil,
        _ arguments: [String],
        _ change: [String: String] = [:]
    ) async throws -> Outcome {
        let (process, output, complaint) = try start(world, program: program, arguments, change)
        return try await blocking {
            let said = output.fileHandleForReading.readDataToEndOfFile()
            let complained = complaint.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return Outcome(
                status: process.terminationStatus,
                output: String(decoding: said, as: UTF8.self),
                complaint: String(decoding: complained, as: UTF8.self)
            )
        }
    }

    /// What the program says next.
    private func next(_ pipe: Pipe) async throws -> String {
        try await blocking {
            String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        }
    }

    /// Runs what blocks on a thread where it keeps no task waiting.
    private func blocking<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    private func leases(_ world: World) async throws -> Int {
        let list = try await run(world, ["list", "--format", "json"])
        let json = try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [String: Any]
        return (json?["leases"] as? [Any])?.count ?? -1
    }

    @Test func theProgramsStatusIsFerrys() async throws {
        try await withWorld { world in
            let cases: [([String], Int32)] = [
                (["--", "sh", "-c", "exit 7"], 7), (["sh", "-c", "exit 8"], 8),
                (["-n", "1", "exit 9; true"], 9), (["kill -TERM $$"], 143),
                (["kill -KILL $$"], 137), (["no-such-program"], 127), (["/etc/passwd"], 126),
                ([], 64), (["-p", "0.5", "-m", "3", "true"], 64),
            ]
            for (words, status) in cases {
                let outcome = try await run(world, ["run"] + words)
                #expect(outcome.status == status, "\(words): \(outcome.complaint)")
            }
            let left = try await leases(world)
            #expect(left == 0)
        }
    }

    @Test func theProgramSeesItsLeaseAndItsOwnEnvironment() async throws {
        try await withWorld { world in
            let script = "cat $FERRY_LEASE_FILE; echo $FERRY_LEASE_FILE; echo $LD_LIBRARY_PATH; env"
            let outcome = try await run(
                world,
                ["run", "-m", "5", "--", "sh", "-c", script],
                ["X_Y": "z"]
            )
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines[0] == "ferry-lease 1")
            #expect(lines[1].hasPrefix("lease ") && lines[1].utf8.count == 6 + 32)
            #expect(lines[2].hasPrefix("secret ") && lines[2].utf8.count == 7 + 64)
            #expect(lines[3].hasPrefix("server 127.0.0.1 ") && lines[3].hasSuffix(" 1 tls"))
            #expect(!FileManager.default.fileExists(atPath: lines[4]))
            #expect(lines[5].split(separator: ":")[0] == "\(world.folder)/lib/client")
            #expect(lines.contains("X_Y=z"))
            #expect(outcome.complaint.isEmpty)
        }
    }

    @Test func theProgramGetsNoDescriptorOfFerrys() async throws {
        try await withWorld { world in
            // What this test process has open itself is closed first; 7 is the caller's own.
            let script = """
                for f in /proc/self/fd/*; do n=${f##*/}; [ $n -gt 2 ] && eval "exec $n>&-"; done
                exec 7</dev/null
                exec \(try Self.ferry) run -- ls /proc/self/fd
                """
            let outcome = try await run(world, program: "/bin/bash", ["-c", script])
            #expect(Set(outcome.output.split(separator: "\n")) == ["0", "1", "2", "3", "7"])
        }
    }

    @Test func aThirdIsToldWhatIsFree() async throws {
        try await withWorld { world in
            let ferry = try Self.ferry
            let inner = "\(ferry) run -p 0.5 -- \(ferry) run -p 0.5 -- true"
            let outcome = try await run(world, ["run", "-p", "0.5", "--", "sh", "-c", inner])
            #expect(outcome.status == 75)
            #expect(outcome.complaint.contains("GPU 0: 0 of 1024 MiB"))
            #expect(outcome.complaint.split(separator: "\n").count == 1)
            #expect(try await leases(world) == 0)
        }
    }

    @Test func signalsReachTheProgramAndTheLeaseComesBack() async throws {
        try await withWorld { world in
            let script =
                "trap 'echo term; exit 5' TERM; trap 'echo usr' USR1; echo up; "
                + "while :; do sleep 0.05; done"
            let (process, output, _) = try start(world, ["run", "--", "sh", "-c", script])
            #expect(try await next(output) == "up\n")
            kill(process.processIdentifier, SIGUSR1)
            #expect(try await next(output) == "usr\n")
            #expect(try await leases(world) == 1)
            kill(process.processIdentifier, SIGTERM)
            #expect(try await next(output) == "term\n")
            try await blocking { process.waitUntilExit() }
            #expect(process.terminationStatus == 5)
            #expect(try await leases(world) == 0)
        }
    }

    @Test func theLeaseLivesAsLongAsTheProgramAndNoLongerThanFerry() async throws {
        try await withWorld { world in
            let (process, _, _) = try start(world, ["run", "--", "sleep", "20"])
            // Longer than the grace period, so that only heartbeats can have kept it.
            try await Task.sleep(for: .seconds(5))
            #expect(try await leases(world) == 1)
            kill(process.processIdentifier, SIGKILL)
            try await Task.sleep(for: .seconds(5))
            #expect(try await leases(world) == 0)
        }
    }

    @Test func aStoppedRunKeepsItsLease() async throws {
        try await withWorld { world in
            let (process, output, _) = try start(
                world,
                ["run", "--", "sh", "-c", "echo up; sleep 8"]
            )
            _ = try await next(output)
            kill(process.processIdentifier, SIGTSTP)
            try await Task.sleep(for: .seconds(5))
            #expect(try await leases(world) == 1)
            kill(process.processIdentifier, SIGCONT)
            try await blocking { process.waitUntilExit() }
            #expect(process.terminationStatus == 0)
            #expect(try await leases(world) == 0)
        }
    }

    @Test func troubleIsToldInOneLineWithWhatToDo() async throws {
        try await withWorld { world in
            func complaint(
                _ arguments: [String],
                _ change: [String: String] = [:]
            ) async throws -> String {
                let outcome = try await run(world, ["run"] + arguments + ["--", "true"], change)
                #expect(outcome.status == 125, "\(outcome.complaint)")
                #expect(outcome.complaint.split(separator: "\n").count == 1, "\(outcome.complaint)")
                return outcome.complaint
            }
            #expect(
                try await complaint([], ["FERRY_CLIENT_FILE": "/none"]).contains(
                    "there is no client file"
                )
            )
            #expect(try await complaint(["--server", "127.0.0.1:1"]).contains("cannot be reached"))
            #expect(
                try await complaint([], ["FERRY_LIBRARY_DIR": "/none"]).contains("client library")
            )
            let text = try String(contentsOfFile: world.clientFile, encoding: .utf8)
            let bad = world.folder + "/bad.json"
            try text.replacingOccurrences(of: "\"ferry_", with: "\"ferry_0")
                .write(toFile: bad, atomically: true, encoding: .utf8)
            #expect(
                try await complaint(["--client-file", bad]).contains("does not know the token")
            )
            let other = try CertificateAuthority(now: Date()).certificatePEM()
            var json =
                try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
            json["ca"] = other
            try JSONSerialization.data(withJSONObject: json).write(to: URL(filePath: bad))
            #expect(
                try await complaint(["--client-file", bad]).contains("another authority signed")
            )
        }
    }
}

import Testing
import Worker

@Suite struct CommandTests {
    private let uuid = "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"

    @Test func serveIsUnderstood() throws {
        let arguments = [
            "serve", "--socket-fd", "3", "--key-fd", "4", "--driver", "/x/libcuda.so.1",
            "--device", "\(uuid)=1024", "--device=\(uuid)=2048", "--lease", "abc", "--name",
            "host:12 prog", "--image-cache", "/x/images", "--image-cache-bytes", "4096",
        ]
        guard case .serve(let options) = try Command.parse(arguments) else {
            Issue.record("not understood as serve")
            return
        }
        #expect(options.socket == 3)
        #expect(options.key == 4)
        #expect(options.isEncrypted)
        #expect(options.driver == "/x/libcuda.so.1")
        #expect(options.devices.map(\.memory) == [1024, 2048])
        #expect(options.devices.map(\.uuid.text) == [uuid, uuid])
        #expect(options.lease == "abc")
        #expect(options.name == "host:12 prog")
        #expect(options.imageCache == "/x/images")
        #expect(options.imageCacheBytes == 4096)
    }

    @Test func clearTextHasToBeAskedFor() throws {
        let arguments = [
            "serve", "--socket-fd", "3", "--clear-text", "--driver", "a", "--device", "\(uuid)=1",
        ]
        guard case .serve(let options) = try Command.parse(arguments) else {
            Issue.record("not understood as serve")
            return
        }
        #expect(!options.isEncrypted)
        #expect(options.key == nil)
    }

    @Test func theOthersAreUnderstood() throws {
        #expect(try Command.parse(["inventory", "--driver", "a"]) == .inventory(driver: "a"))
        #expect(try Command.parse(["--help"]) == .help)
        #expect(try Command.parse(["serve", "--help"]) == .help)
        #expect(try Command.parse(["--version"]) == .version)
    }

    @Test(
        arguments: [
            ([], "a command is missing"),
            (["fly"], "unknown command 'fly'"),
            (["inventory"], "--driver is missing"),
            (["inventory", "--driver"], "--driver needs a value"),
            (["inventory", "--what", "a"], "unknown argument '--what'"),
            (["serve", "--driver", "a", "--device", "x=1"], "--device wants UUID=BYTES"),
            (["serve", "--image-cache-bytes", "0"], "'0' is no number of bytes"),
            (["serve", "--socket-fd", "-1"], "'-1' is no descriptor"),
            (["serve", "--key-fd", "x"], "'x' is no descriptor"),
            (
                ["serve", "--socket-fd", "3", "--driver", "a"],
                "--key-fd or --clear-text is missing"
            ),
            (
                ["serve", "--socket-fd", "3", "--key-fd", "4", "--driver", "a"],
                "--device is missing"
            ),
            (
                ["serve", "--device", "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f=lots"],
                "'lots' is no number of bytes"
            ),
        ] as [([String], String)]
    )
    func mistakesAreNamed(arguments: [String], text: String) {
        let error = #expect(throws: Command.UsageError.self) { try Command.parse(arguments) }
        #expect(error?.text.contains(text) == true, "\(error?.text ?? "")")
    }

    @Test(arguments: ["", "GPU-", "GPU-0001020304050607-0809-0a0b0c0d0e0f", "GPU-xyz"])
    func malformedUUIDs(text: String) {
        #expect(DeviceUUID(text) == nil)
    }

    @Test func softwareGPUsAreKnownByTheirUUID() {
        #expect(DeviceUUID("GPU-fe445950-5055-8001-9a5c-534f46540003")?.isSoftware == true)
        #expect(DeviceUUID(uuid)?.isSoftware == false)
    }
}

import SoftDevice
import Testing

@Suite("The configuration of the software GPU")
struct ConfigurationTests {
    private func configuration(
        _ environment: [String: String],
        file: String? = nil
    ) throws(Configuration.Invalid) -> Configuration {
        try Configuration(environment: { environment[$0] }, file: { _ in file })
    }

    @Test func hasDefaults() throws {
        let plain = try configuration([:])
        #expect(plain == Configuration())
        #expect(plain.count == 1)
        #expect(plain.memoryMiB == 4096)
        #expect(plain.capability.number == 120)
    }

    @Test func comesFromTheEnvironment() throws {
        let made = try configuration([
            "FERRY_SOFT_GPU_COUNT": "3", "FERRY_SOFT_GPU_MEMORY_MIB": "64",
            "FERRY_SOFT_GPU_NAME": "A GPU", "FERRY_SOFT_GPU_COMPUTE_CAPABILITY": "8.0",
            "FERRY_SOFT_GPU_THREADS": "2", "CUDA_VISIBLE_DEVICES": "1", "FERRY_SOFT_GPU_SEED": "7",
        ])
        #expect(made.count == 3)
        #expect(made.memoryMiB == 64)
        #expect(made.name == "A GPU")
        #expect(made.capability == .init(major: 8, minor: 0))
        #expect(made.threads == 2)
        #expect(made.seed == 7)
        #expect(made.visibleDevices == "1")
    }

    @Test func launchesCanBePretended() throws {
        #expect(try configuration([:]).launch == .run)
        #expect(try configuration(["FERRY_SOFT_GPU_LAUNCH": "run"]).launch == .run)
        #expect(try configuration(["FERRY_SOFT_GPU_LAUNCH": "null"]).launch == .null)
        let busy = try configuration(["FERRY_SOFT_GPU_LAUNCH": "2650"])
        #expect(busy.launch == .busy(nanoseconds: 2650))
    }

    @Test func machineCodeIsOnlyForLaunchesThatDoNothing() throws {
        #expect(try configuration([:]).code == .ptx)
        let settings = ["FERRY_SOFT_GPU_CODE": "machine", "FERRY_SOFT_GPU_LAUNCH": "null"]
        #expect(try configuration(settings).code == .machine)
        for settings in [
            ["FERRY_SOFT_GPU_CODE": "machine"],
            ["FERRY_SOFT_GPU_CODE": "machine", "FERRY_SOFT_GPU_LAUNCH": "run"],
            ["FERRY_SOFT_GPU_CODE": "sass", "FERRY_SOFT_GPU_LAUNCH": "null"],
        ] {
            #expect(throws: Configuration.Invalid.self) { try configuration(settings) }
        }
    }

    @Test func aGPUForMachineCodeIsNotTakenForASoftwareGPU() throws {
        let (usual, other) = (Identity(index: 2), Identity(index: 2, code: .machine))
        #expect(usual.uuid.prefix(14) == other.uuid.prefix(14))
        #expect(usual.uuid[14] != other.uuid[14] && usual.uuid[15] == other.uuid[15])
    }

    @Test func theEnvironmentWinsOverTheFile() throws {
        let made = try configuration(
            ["FERRY_SOFT_GPU_CONFIG": "file", "FERRY_SOFT_GPU_COUNT": "2"],
            file: "# comment\n\n  FERRY_SOFT_GPU_COUNT=4\nFERRY_SOFT_GPU_NAME=Of = file\n"
        )
        #expect(made.count == 2)
        #expect(made.name == "Of = file")
    }

    @Test(arguments: [
        ("FERRY_SOFT_GPU_COUNT", "0"), ("FERRY_SOFT_GPU_COUNT", "9"),
        ("FERRY_SOFT_GPU_COUNT", "two"), ("FERRY_SOFT_GPU_MEMORY_MIB", "-1"),
        ("FERRY_SOFT_GPU_MEMORY_MIB", "99999999999999999999"), ("FERRY_SOFT_GPU_NAME", ""),
        ("FERRY_SOFT_GPU_COMPUTE_CAPABILITY", "8"),
        ("FERRY_SOFT_GPU_COMPUTE_CAPABILITY", "8.10"),
        ("FERRY_SOFT_GPU_COMPUTE_CAPABILITY", "x.y"), ("FERRY_SOFT_GPU_THREADS", "0"),
        ("FERRY_SOFT_GPU_SEED", "-1"), ("FERRY_SOFT_GPU_SEED", "x"),
        ("FERRY_SOFT_GPU_LAUNCH", ""), ("FERRY_SOFT_GPU_LAUNCH", "-1"),
        ("FERRY_SOFT_GPU_LAUNCH", "none"), ("FERRY_SOFT_GPU_LAUNCH", "1000000001"),
    ])
    func nonsenseIsNamed(key: String, value: String) {
        #expect {
            try configuration([key: value])
        } throws: {
            ($0 as? Configuration.Invalid)?.key == key
        }
    }

    @Test func aFileThatCannotBeReadIsAnError() {
        #expect(throws: Configuration.Invalid.self) {
            try configuration(["FERRY_SOFT_GPU_CONFIG": "/nonexistent"])
        }
        #expect(throws: Configuration.Invalid.self) {
            try configuration(["FERRY_SOFT_GPU_CONFIG": "file"], file: "no equals sign")
        }
    }
}

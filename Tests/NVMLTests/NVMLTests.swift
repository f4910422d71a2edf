import Foundation
import NVML
import NVMLABI
import Testing

/// All tests of the management library: its users are counted for the process, so one runs at a time.
@Suite(.serialized) struct NVMLTests {
    /// Runs `body` between `nvmlInit` and `nvmlShutdown`.
    private func started(_ change: (inout Fake) -> Void = { _ in }, _ body: () throws -> Void)
        rethrows
    {
        fake = Fake()
        change(&fake)
        #expect(nvmlInit_v2() == 0)
        defer {
            #expect(nvmlShutdown() == 0)
            fake = Fake()
        }
        try body()
    }

    private func device(_ index: UInt32 = 0) throws -> ferry_nvml_device {
        var device: ferry_nvml_device?
        try #require(nvmlDeviceGetHandleByIndex_v2(index, &device) == 0)
        return try #require(device)
    }

    private func text(_ size: Int = 96, _ ask: (UnsafeMutablePointer<CChar>, UInt32) -> Int32)
        -> String
    {
        var buffer = [CChar](repeating: 1, count: size)
        let result = ask(&buffer, UInt32(size))
        guard result == 0 else { return "\(result)" }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    @Test func `before the start and after the end nothing works`() throws {
        var handle: ferry_nvml_device?
        try started { handle = try device() }
        var count: UInt32 = 7
        #expect(nvmlDeviceGetCount_v2(&count) == 1)
        #expect(nvmlDeviceGetHandleByIndex(0, &handle) == 1)
        #expect(nvmlDeviceGetIndex(handle, &count) == 1)
        #expect(nvmlDeviceGetSerial(handle, nil, 0) == 1)
        #expect(nvmlSystemGetConfComputeState(nil) == 1)
        #expect(text { nvmlSystemGetDriverVersion($0, $1) } == "1")
        #expect(nvmlShutdown() == 1)
    }

    @Test func `users are counted`() {
        started {
            #expect(nvmlInit() == 0)
            #expect(nvmlShutdown() == 0)
            var count: UInt32 = 0
            #expect(nvmlDeviceGetCount(&count) == 0)
            #expect(count == 2)
        }
    }

    @Test func `a start that fails is no start`() {
        fake = Fake()
        fake.start = 9
        defer { fake = Fake() }
        #expect(nvmlInit_v2() == 9)
        #expect(nvmlInitWithFlags(1) == 9)
        #expect(nvmlShutdown() == 1)
    }

    @Test func `GPUs of a parent are not there`() throws {
        try started {
            let device = try device()
            fake.count = -1
            var count: UInt32 = 0
            #expect(nvmlDeviceGetCount_v2(&count) == 1)
            #expect(nvmlDeviceGetIndex(device, &count) == 1)
        }
    }

    @Test func `a GPU by its number, UUID and address`() throws {
        try started {
            let second = try device(1)
            var index: UInt32 = 9
            #expect(nvmlDeviceGetIndex(second, &index) == 0)
            #expect(index == 1)
            let uuid = text { nvmlDeviceGetUUID(second, $0, $1) }
            #expect(uuid == "GPU-0a1a2a3a-4a5a-6a7a-8a9a-aabacadaeafb")
            var found: ferry_nvml_device?
            for name in [uuid, uuid.uppercased()] {
                #expect(nvmlDeviceGetHandleByUUID(name, &found) == 0)
                #expect(found == second)
            }
            #expect(nvmlDeviceGetHandleByUUID(String(uuid.dropLast()), &found) == 6)
            #expect(nvmlDeviceGetHandleByUUID("", &found) == 6)
            for address in ["0000001A:B0:01.0", "001a:b0:01.0", "1a:b0:1"] {
                found = nil
                #expect(nvmlDeviceGetHandleByPciBusId_v2(address, &found) == 0)
                #expect(found == second)
            }
            #expect(nvmlDeviceGetHandleByPciBusId("b0:01.0", &found) == 6, "domain 0")
            #expect(nvmlDeviceGetHandleByPciBusId("a GPU", &found) == 2)
            #expect(nvmlDeviceGetHandleByIndex(2, &found) == 2)
            var wrong = ferry_nvml_device(bitPattern: 8)
            #expect(nvmlDeviceGetIndex(wrong, &index) == 2)
            wrong = ferry_nvml_device(bitPattern: UInt(bitPattern: second) + 1)
            #expect(nvmlDeviceGetIndex(wrong, &index) == 2)
        }
    }

    @Test func `addresses as NVIDIA writes them`() throws {
        try started {
            let device = try device()
            var pci = ferry_nvml_pci()
            #expect(nvmlDeviceGetPciInfo_v3(device, &pci) == 0)
            #expect((pci.domain, pci.bus, pci.device) == (0x1A, 0xAF, 1))
            let long = withUnsafeBytes(of: pci.address) { Array($0.prefix { $0 != 0 }) }
            #expect(String(decoding: long, as: UTF8.self) == "0000001A:AF:01.0")
            let short = withUnsafeBytes(of: pci.shortAddress) { Array($0.prefix { $0 != 0 }) }
            #expect(String(decoding: short, as: UTF8.self) == "001A:AF:01.0")
            var extended = ferry_nvml_pci_extended()
            #expect(nvmlDeviceGetPciInfoExt(device, &extended) == 25)
            extended.version = UInt32(MemoryLayout<ferry_nvml_pci_extended>.size) | 1 << 24
            #expect(nvmlDeviceGetPciInfoExt(device, &extended) == 0)
            #expect((extended.domain, extended.bus, extended.baseClass) == (0x1A, 0xAF, 3))
        }
    }

    @Test func `texts that do not fit are refused`() throws {
        try started {
            let device = try device()
            #expect(text(5) { nvmlDeviceGetName(device, $0, $1) } == "7")
            #expect(text(6) { nvmlDeviceGetName(device, $0, $1) } == "A GPU")
            #expect(text(40) { nvmlDeviceGetUUID(device, $0, $1) } == "7")
            #expect(text(41) { nvmlDeviceGetUUID(device, $0, $1) }.hasPrefix("GPU-"))
            #expect(text(9) { nvmlSystemGetDriverVersion($0, $1) } == "7")
            #expect(text(10) { nvmlSystemGetDriverVersion($0, $1) } == "580.65.06")
            #expect(nvmlDeviceGetName(device, nil, 10) == 2)
        }
    }

    @Test func `memory in both versions`() throws {
        try started {
            let device = try device()
            var old = ferry_nvml_memory()
            #expect(nvmlDeviceGetMemoryInfo(device, &old) == 0)
            #expect((old.total, old.free, old.used) == (100, 50, 50))
            var new = ferry_nvml_memory_v2()
            #expect(nvmlDeviceGetMemoryInfo_v2(device, &new) == 25)
            new.version = 40 | 2 << 24
            #expect(nvmlDeviceGetMemoryInfo_v2(device, &new) == 0)
            #expect((new.total, new.reserved, new.free, new.used) == (100, 2, 50, 48))
            fake.use = 15
            #expect(nvmlDeviceGetMemoryInfo(device, &old) == 15)
        }
    }

    @Test func `what is known is told`() throws {
        try started {
            let device = try device()
            var (a, b) = (Int32(-9), Int32(-9))
            var word: UInt32 = 99
            #expect(nvmlDeviceGetCudaComputeCapability(device, &a, &b) == 0)
            #expect((a, b) == (9, 0))
            #expect(nvmlDeviceGetArchitecture(device, &word) == 0)
            #expect(word == 9)
            #expect(nvmlDeviceGetMinorNumber(device, &word) == 0)
            #expect(word == 3)
            #expect(nvmlDeviceGetMultiGpuBoard(device, &word) == 0)
            #expect(word == 1)
            #expect(nvmlDeviceGetComputeMode(device, &a) == 0)
            #expect(a == 3)
            #expect(nvmlDeviceGetP2PStatus(device, try self.device(1), 3, &a) == 0)
            #expect(a == 13)
            #expect(nvmlDeviceGetP2PStatus(device, try self.device(1), 6, &a) == 2)
            #expect(nvmlDeviceGetP2PStatus(device, try self.device(1), 0, nil) == 2)
            #expect(nvmlDeviceGetP2PStatus(device, nil, 0, &a) == 2)
            #expect(nvmlDeviceGetComputeRunningProcesses_v3(device, &word, nil) == 0)
            #expect(word == 0)
            #expect(nvmlDeviceGetBrand(device, nil) == 2)
            var version: Int32 = 0
            #expect(nvmlSystemGetCudaDriverVersion(&version) == 0)
            #expect(version == 13_020)
        }
    }

    @Test func `what is not known is not made up`() throws {
        func forget(_ fake: inout Fake) {
            fake.facts.minorNumber = -1
            fake.facts.computeMode = -1
            fake.facts.persistenceMode = -1
            fake.facts.displayMode = -1
            fake.facts.isMultiple = -1
            fake.facts.busWidth = -1
            fake.facts.major = 99
            fake.version = 3
        }
        try started(forget) {
            let device = try device()
            var word: UInt32 = 7
            var number: Int32 = 7
            #expect(nvmlDeviceGetMinorNumber(device, &word) == 3)
            #expect(nvmlDeviceGetMultiGpuBoard(device, &word) == 3)
            #expect(nvmlDeviceGetMemoryBusWidth(device, &word) == 3)
            #expect(nvmlDeviceGetArchitecture(device, &word) == 3)
            #expect(nvmlDeviceGetComputeMode(device, &number) == 3)
            #expect(nvmlDeviceGetPersistenceMode(device, &number) == 3)
            #expect(nvmlDeviceGetDisplayActive(device, &number) == 3)
            #expect(nvmlDeviceGetUtilizationRates(device, nil) == 3)
            #expect(nvmlSystemGetConfComputeSettings(nil) == 3)
            #expect(text { nvmlSystemGetDriverVersion($0, $1) } == "3")
            #expect((word, number) == (7, 7))
        }
    }

    @Test func `docs know every function`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        func read(_ path: String) throws -> String {
            try String(contentsOf: root.appending(path: path), encoding: .utf8)
        }
        let document = try read("docs/nvml.md")
        let header = try read("Sources/C/NVMLABI/include/nvml_abi.h")
        let names = header.split(separator: "\n").compactMap { line in
            line.firstMatch(of: /^[a-z ]+\*?(nvml\w+)\(.*;$/).map { String($0.1) }
        }
        #expect(names.count > 100)
        for name in names where !document.contains("`\(name)`") {
            // Lists of processes have one row for all their versions.
            let plain = name.replacing(/_v[23]$/, with: "")
            #expect(
                plain.hasSuffix("RunningProcesses") && document.contains("`\(plain)`"),
                "\(name)"
            )
        }
    }

    @Test func `results have texts`() {
        for result: Int32 in [0, 1, 2, 3, 6, 7, 9, 15, 25, 999, -1] {
            #expect(nvmlErrorString(result).map { String(cString: $0) }?.isEmpty == false)
        }
    }
}

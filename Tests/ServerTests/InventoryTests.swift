import Foundation
import Glibc
import Pool
import Server
import Testing

@Suite struct InventoryTests {
    private func json(_ gpu: String) -> [UInt8] {
        Array(
            """
            {"driver_path":"/d","driver_version":13000,"driver_kind":"software","gpus":[\(gpu)]}
            """.utf8
        )
    }

    private func gpu(uuid: String = "GPU-1", memory: String = "4294967296") -> String {
        """
        {"index":0,"uuid":"\(uuid)","name":"n","memory_bytes":\(memory),\
        "compute_capability":"8.0","pci_bus_id":"0"}
        """
    }

    @Test func aReportIsRead() throws {
        let inventory = try Inventory(json: json(gpu()))
        #expect(inventory.driverKind == .software)
        #expect(inventory.gpus.map(\.memoryMiB) == [4096])
        #expect(try Inventory(json: json("")).gpus.isEmpty)
    }

    @Test func nonsenseIsRefused() {
        let wrong = [
            gpu(uuid: ""), gpu(uuid: "a b"), gpu(uuid: "a=b"), gpu(memory: "0"), gpu(memory: "-1"),
            gpu(memory: "1e30"), gpu() + "," + gpu(), "{}", "1",
        ]
        for text in wrong {
            #expect(throws: (any Error).self, "\(text)") { try Inventory(json: json(text)) }
        }
        #expect(throws: (any Error).self) { try Inventory(json: []) }
    }

    @Test func aWorkerThatFailsOrHangsIsReported() async throws {
        try await Scratch.with { scratch in
            let reader = InventoryReader(
                worker: scratch.worker,
                environment: ["PATH=/bin:/usr/bin"]
            )
            #expect(try reader.read(driver: "/a/named.so").gpus.count == 2)
            #expect(throws: InventoryError.self) { try reader.read(driver: "/other.so") }
            let missing = InventoryReader(worker: scratch.path + "/none", environment: [])
            #expect(throws: SystemError.self) { try missing.read(driver: "x") }
            let slow = scratch.path + "/slow"
            try "#!/bin/sh\nexec sleep 60\n".write(toFile: slow, atomically: true, encoding: .utf8)
            chmod(slow, 0o755)
            let hung = InventoryReader(
                worker: slow,
                environment: ["PATH=/bin:/usr/bin"],
                patience: 200
            )
            #expect(throws: InventoryError.self) { try hung.read(driver: "x") }
        }
    }

    @Test func theMachinesDriverComesFirstAndTheSoftwareGPUSecond() throws {
        func inventory(_ path: String, gpus: Int) throws -> Inventory {
            let entry = gpus == 0 ? "" : gpu()
            var inventory = try Inventory(json: json(entry))
            inventory.driverPath = path
            return inventory
        }
        func choose(named: String? = nil, _ read: (String) throws -> Inventory) throws -> String {
            try DriverChoice.choose(
                named: named,
                software: "soft",
                logger: silentLogger(),
                read: read
            ).driverPath
        }
        #expect(try choose { try inventory($0, gpus: 1) } == DriverChoice.nvidia)
        #expect(try choose { try inventory($0, gpus: $0 == "soft" ? 1 : 0) } == "soft")
        #expect(
            try choose {
                if $0 != "soft" { throw InventoryError.timedOut }
                return try inventory($0, gpus: 1)
            } == "soft"
        )
        #expect(throws: InventoryError.self) {
            try choose(named: "mine") { _ in throw InventoryError.timedOut }
        }
        #expect(throws: InventoryError.self) { try choose { try inventory($0, gpus: 0) } }
    }
}

package import Logging
internal import Pool

/// Chooses the driver library that the workers load, and says which and why.
package enum DriverChoice {
    /// The name under which the dynamic linker finds NVIDIA's driver.
    package static let nvidia = "libcuda.so.1"

    /// The inventory of the library that was chosen.
    ///
    /// - Parameters:
    ///   - named: what the administrator named, if anything; there is no falling back from it.
    ///   - software: the software GPU's library.
    ///   - logger: where the choice goes.
    ///   - read: reads the inventory of a library.
    package static func choose(
        named: String?,
        software: String,
        logger: Logger,
        read: (String) throws -> Inventory
    ) throws -> Inventory {
        let choice: (inventory: Inventory, reason: String)
        if let named {
            choice = (try mustRead(named, read), "it was named with --driver")
        } else {
            do {
                let inventory = try read(nvidia)
                guard !inventory.gpus.isEmpty else { throw InventoryError.noGPU }
                choice = (inventory, "it is this machine's driver")
            } catch {
                choice = (
                    try mustRead(software, read),
                    "NVIDIA's driver cannot be used here (\(LogText.clean("\(error)")))"
                )
            }
        }
        logger.notice(
            "driver chosen: \(choice.reason)",
            metadata: [
                "path": "\(choice.inventory.driverPath)",
                "kind": "\(choice.inventory.driverKind.rawValue)",
                "version": "\(choice.inventory.driverVersion)",
                "gpus": "\(choice.inventory.gpus.count)",
            ]
        )
        for gpu in choice.inventory.gpus {
            logger.notice(
                "GPU \(gpu.index): \(LogText.clean(gpu.name))",
                metadata: ["uuid": "\(gpu.uuid)", "memory_mib": "\(gpu.memoryMiB)"]
            )
        }
        return choice.inventory
    }

    private static func mustRead(
        _ driver: String,
        _ read: (String) throws -> Inventory
    ) throws -> Inventory {
        do {
            let inventory = try read(driver)
            guard !inventory.gpus.isEmpty else { throw InventoryError.noGPU }
            return inventory
        } catch {
            throw InventoryError.unusable(driver, "\(error)")
        }
    }
}

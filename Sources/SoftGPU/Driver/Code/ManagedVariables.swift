internal import CLinux
internal import PTX

/// The `__managed__` variables of a library: one copy for all contexts and the host, there as long
/// as the library. Pinned host memory, which kernels of all GPUs use in place. Immutable.
final class ManagedVariables: @unchecked Sendable {
    /// Where a variable is.
    struct Place {
        var address: UInt64
        var size: Int
    }

    /// By name.
    let places: [String: Place]
    private let hostMemory: HostMemory

    /// Places and initialises the managed variables of some texts.
    init(_ units: [Syntax.Module], hostMemory: HostMemory) throws(CodeFailure) {
        self.hostMemory = hostMemory
        var places: [String: Place] = [:]
        for unit in units {
            for variable in unit.variables
            where variable.isManaged && variable.linkage != .external
                && places[variable.name] == nil
            {
                do {
                    places[variable.name] = try Self.place(variable, hostMemory)
                } catch {
                    for place in places.values { try? hostMemory.free(place.address) }
                    throw error
                }
            }
        }
        self.places = places
    }

    /// Gives the memory back. No kernel may use it any more.
    func free() {
        for place in places.values { try? hostMemory.free(place.address) }
    }

    private static func place(
        _ variable: Syntax.Variable,
        _ hostMemory: HostMemory
    ) throws(CodeFailure) -> Place {
        if let initializer = variable.initializer, !initializer.relocations.isEmpty {
            throw CodeFailure(
                CompileError(
                    .unsupported,
                    line: variable.line,
                    "managed variable '\(variable.name)' is initialised with an address"
                )
            )
        }
        let pointer: UnsafeMutableRawPointer
        do {
            pointer = try hostMemory.allocate(
                max(variable.size, 1),
                flags: 0,
                context: nil,
                isManaged: true
            )
        } catch {
            throw CodeFailure(error.status, "no memory for managed variable '\(variable.name)'")
        }
        variable.initializer?.bytes.withUnsafeBytes { bytes in
            let count = min(bytes.count, variable.size)
            if count > 0, let start = bytes.baseAddress { memcpy(pointer, start, count) }
        }
        return Place(address: UInt64(UInt(bitPattern: pointer)), size: variable.size)
    }
}

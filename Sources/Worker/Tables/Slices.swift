/// How much of each GPU's memory the client may take, and how much it has.
///
/// A slice of a GPU is a limit for all processes of the lease together; with a whole GPU the driver is.
///
/// Used by the reader thread alone; lives as long as the process.
struct Slices: @unchecked Sendable {
    /// Memory is given in units of this many bytes, and counted so.
    static let granularity: UInt64 = 256

    private let totals: [UInt64]
    private let taken: UnsafeMutablePointer<UInt64>
    /// What all processes have, of the devices that `isShared` says.
    private let ledger: SliceLedger?
    private let isShared: [Bool]

    /// Slices of the devices 0…, in bytes.
    ///
    /// - Parameters:
    ///   - ledger: Of the lease; `nil`: this process has the slices for itself.
    ///   - wholes: Bytes that the devices have, as far as they are known.
    init(totals: [UInt64], ledger: SliceLedger? = nil, wholes: [UInt64] = []) {
        self.totals = totals
        self.ledger = ledger
        isShared = totals.enumerated().map { device, total in
            ledger != nil && (wholes.indices.contains(device) ? total < wholes[device] : true)
        }
        taken = .allocate(capacity: max(1, totals.count))
        taken.initialize(repeating: 0, count: max(1, totals.count))
    }

    /// The whole slice, in bytes.
    func total(_ device: Int32) -> UInt64 {
        totals.indices.contains(Int(device)) ? totals[Int(device)] : 0
    }

    private func shared(_ device: Int32) -> SliceLedger? { isShared[Int(device)] ? ledger : nil }

    private func allTaken(_ device: Int32) -> UInt64 {
        shared(device)?.taken(device) ?? taken[Int(device)]
    }

    /// What can still be taken, in bytes.
    func available(_ device: Int32) -> UInt64 {
        let total = total(device)
        return total == 0 ? 0 : total - min(total, allTaken(device))
    }

    /// Whether more was taken than there is.
    func isExceeded(_ device: Int32) -> Bool {
        let total = total(device)
        return total > 0 && allTaken(device) > total
    }

    /// What an allocation of this size counts; `nil` when it is larger than any GPU.
    static func charge(_ bytes: UInt64) -> UInt64? {
        guard bytes <= 1 << 48 else { return nil }
        return (bytes + granularity - 1) / granularity * granularity
    }

    /// Counts memory as taken that was found to be available; false, with nothing counted, when another
    /// process of the lease has been quicker.
    func take(_ charge: UInt64, of device: Int32) -> Bool {
        guard total(device) > 0 else { return true }
        if let ledger = shared(device) {
            guard ledger.take(charge, of: device, total: total(device)) else { return false }
        }
        taken[Int(device)] += charge
        return true
    }

    /// Counts memory as taken that is taken already; see `isExceeded`.
    func count(_ charge: UInt64, of device: Int32) {
        guard total(device) > 0 else { return }
        taken[Int(device)] += charge
        shared(device)?.set(device) { _ in taken[Int(device)] }
    }

    /// Counts memory as given back.
    func giveBack(_ charge: UInt64, of device: Int32) {
        guard total(device) > 0 else { return }
        taken[Int(device)] -= min(charge, taken[Int(device)])
        shared(device)?.set(device) { _ in taken[Int(device)] }
    }
}

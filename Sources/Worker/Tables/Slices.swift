/// How much of each GPU's memory the client may take, and how much it has.
///
/// Used by the reader thread alone; lives as long as the process.
struct Slices: @unchecked Sendable {
    /// Memory is given in units of this many bytes, and counted so.
    static let granularity: UInt64 = 256

    private let totals: [UInt64]
    private let taken: UnsafeMutablePointer<UInt64>

    /// Slices of the devices 0…, in bytes.
    init(totals: [UInt64]) {
        self.totals = totals
        taken = .allocate(capacity: max(1, totals.count))
        taken.initialize(repeating: 0, count: max(1, totals.count))
    }

    /// The whole slice, in bytes.
    func total(_ device: Int32) -> UInt64 {
        totals.indices.contains(Int(device)) ? totals[Int(device)] : 0
    }

    /// What can still be taken, in bytes.
    func available(_ device: Int32) -> UInt64 {
        let total = total(device)
        return total == 0 ? 0 : total - min(total, taken[Int(device)])
    }

    /// Whether more was taken than there is.
    func isExceeded(_ device: Int32) -> Bool {
        let total = total(device)
        return total > 0 && taken[Int(device)] > total
    }

    /// What an allocation of this size counts; `nil` when it is larger than any GPU.
    static func charge(_ bytes: UInt64) -> UInt64? {
        guard bytes <= 1 << 48 else { return nil }
        return (bytes + granularity - 1) / granularity * granularity
    }

    /// Counts memory as taken.
    func take(_ charge: UInt64, of device: Int32) {
        if total(device) > 0 { taken[Int(device)] += charge }
    }

    /// Counts memory as given back.
    func giveBack(_ charge: UInt64, of device: Int32) {
        if total(device) > 0 { taken[Int(device)] -= min(charge, taken[Int(device)]) }
    }
}

/// What `CUDA_VISIBLE_DEVICES` leaves of the GPUs, and in which order.
package enum VisibleDevices {
    /// The GPUs that a program sees.
    ///
    /// As the driver does: entries are indices or UUIDs (a prefix that fits one GPU is enough),
    /// the list ends at the first entry that names no GPU, and one that names a GPU twice makes
    /// all invisible.
    ///
    /// - Parameters:
    ///   - setting: The variable's value; `nil` when it is not set.
    ///   - all: The GPUs that there are.
    package static func choose(_ setting: String?, among all: [Identity]) -> [Identity] {
        guard let setting else { return all }
        var chosen: [Identity] = []
        for entry in setting.split(separator: ",", omittingEmptySubsequences: false) {
            guard let identity = find(trim(entry), all) else { break }
            if chosen.contains(identity) { return [] }
            chosen.append(identity)
        }
        return chosen
    }

    private static func trim(_ entry: Substring) -> Substring {
        var entry = entry.drop { $0 == " " }
        while entry.last == " " { entry.removeLast() }
        return entry
    }

    private static func find(_ entry: Substring, _ all: [Identity]) -> Identity? {
        if let index = Int(entry) {
            return all.indices.contains(index) ? all[index] : nil
        }
        guard entry.utf8.count > 4, entry.hasPrefix("GPU-") else { return nil }
        let wanted = entry.lowercased().dropFirst(4)
        let fitting = all.filter { $0.uuidText.dropFirst(4).hasPrefix(wanted) }
        return fitting.count == 1 ? fitting[0] : nil
    }
}

/// The entries of a fatbin that a driver would use on some GPUs; the others need not travel.
///
/// A driver takes the newest compiled code that fits the GPU, else it compiles the newest PTX that
/// fits (facts/cuda-driver.md §6). Where this is not certain, all entries in question are chosen,
/// or there is no choice at all and the whole fatbin has to go.
package struct FatbinSelection {
    /// A GPU for which code is wanted.
    package struct GPU: Equatable, Sendable {
        /// 86 for compute capability 8.6.
        package var capability: Int
        /// Whether it is Ferry's software GPU, which runs PTX only.
        package var isSoftware: Bool

        /// A GPU.
        package init(capability: Int, isSoftware: Bool) {
            self.capability = capability
            self.isSoftware = isSoftware
        }
    }

    /// Where the chosen entries lie in the fatbin, in its order, headers included; neighbours are
    /// one range.
    package private(set) var ranges: [Range<Int>] = []
    /// Whether there is code for any of the GPUs. Where there is none, the smallest entry is
    /// chosen: the driver says of it what it would say of all.
    package private(set) var isUsable = true

    /// Chooses entries of `fatbin`.
    ///
    /// - Returns: `nil` when the whole fatbin has to go: nothing could be left out, an entry is of
    ///   a kind that is not understood here, or the fatbin does not hold together, which is for the
    ///   driver to say.
    package init?(_ fatbin: ImageLayout, for gpus: [GPU]) {
        guard fatbin.kind == .fatbin, let entries = Self.entries(fatbin), !entries.isEmpty else {
            return nil
        }
        var chosen = [Bool](repeating: false, count: entries.count)
        for gpu in gpus { Self.choose(entries, gpu, &chosen) }
        if !chosen.contains(true) {
            isUsable = false
            chosen[Self.smallest(entries)] = true
        }
        guard chosen.contains(false) else { return nil }
        for (index, entry) in entries.enumerated() where chosen[index] {
            if let last = ranges.last, last.upperBound == entry.extent.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<entry.extent.upperBound
            } else {
                ranges.append(entry.extent)
            }
        }
    }

    /// Bytes of the chosen entries.
    package var size: Int { ranges.reduce(0) { $0 + $1.count } }

    /// The entries; `nil` when there is one of which it is not known what a driver makes of it.
    private static func entries(_ fatbin: ImageLayout) -> [FatbinEntry]? {
        var list: [FatbinEntry] = []
        var entries = FatbinEntries(fatbin)
        do throws(ImageError) {
            while let entry = try entries.next() {
                guard entry.kind == .ptx || entry.kind == .elf, !entry.isLinkedPart else {
                    return nil
                }
                list.append(entry)
            }
        } catch {
            return nil
        }
        return list
    }

    /// Marks the entries for one GPU.
    private static func choose(_ entries: [FatbinEntry], _ gpu: GPU, _ chosen: inout [Bool]) {
        let code = gpu.isSoftware ? nil : newest(.elf, entries, gpu)
        let text = newest(.ptx, entries, gpu)
        if let code { mark(.elf, code, entries, gpu, &chosen) }
        // Code for exactly this GPU is what every driver takes. Beside code for an older one, newer
        // PTX goes along: which of the two is better is the driver's decision.
        if let text, code.map({ $0 < gpu.capability && $0 < text }) ?? true {
            mark(.ptx, text, entries, gpu, &chosen)
        }
    }

    private static func newest(
        _ kind: FatbinEntry.Kind,
        _ entries: [FatbinEntry],
        _ gpu: GPU
    ) -> Int? {
        var best: Int?
        for entry in entries where entry.kind == kind && entry.runs(on: gpu.capability) {
            best = max(best ?? 0, entry.target)
        }
        return best
    }

    /// Several can have the same target: with and without an architecture's own features.
    private static func mark(
        _ kind: FatbinEntry.Kind,
        _ target: Int,
        _ entries: [FatbinEntry],
        _ gpu: GPU,
        _ chosen: inout [Bool]
    ) {
        for (index, entry) in entries.enumerated()
        where entry.kind == kind && entry.target == target && entry.runs(on: gpu.capability) {
            chosen[index] = true
        }
    }

    private static func smallest(_ entries: [FatbinEntry]) -> Int {
        var best = 0
        for (index, entry) in entries.enumerated()
        where entry.extent.count < entries[best].extent.count {
            best = index
        }
        return best
    }
}

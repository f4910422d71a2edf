internal import CLinux
internal import Driver
internal import SoftDevice

/// The PTX that an image holds for a GPU: one text, or several that are linked.
struct CodeSource {
    /// The texts, without terminating NULs.
    var texts: [[UInt8]]
    /// Whether it came as text, written by anyone, and not out of a compiler's container. The
    /// bodies of such code are checked when it is loaded, as the driver does.
    var isPlainText = false
    /// Registers that a thread may have at most, as the call that loads or the linker was told.
    var maximumRegisters: Int?

    /// Newest version of the PTX language that is accepted; of its major version all.
    static let newestMajorVersion = 9

    /// The code in the image at an address of this process, for a GPU.
    ///
    /// - Parameter image: PTX text, a fatbin, a fatbin wrapper, or what `cuLinkComplete` made.
    init(
        image: UnsafeRawPointer,
        for gpu: DeviceDescription
    ) throws(CodeFailure) {
        do {
            let layout = try ImageLayout.find(at: image)
            let linked = try ImageLayout.prelinked(at: image)
            try self.init(layout, linked: linked, for: gpu)
        } catch let error as ImageError {
            throw CodeFailure(error)
        } catch let error as CodeFailure {
            throw error
        } catch {
            throw CodeFailure(Status.invalidImage, "\(error)")
        }
    }

    /// The code in bytes of known extent, which may end without a NUL.
    init(
        bytes: UnsafeRawBufferPointer,
        for gpu: DeviceDescription
    ) throws(CodeFailure) {
        guard let start = bytes.baseAddress else { throw CodeFailure(ImageError.notAnImage) }
        let layout: ImageLayout
        do {
            layout = try ImageLayout.measure(start, limit: bytes.count)
        } catch {
            throw CodeFailure(error)
        }
        try self.init(layout, linked: [], for: gpu)
    }

    /// The code in an object or a static library: the PTX of each fatbin in it that has some for the
    /// capability. Of the others there may be none left, which is for the linker to judge: only it
    /// knows whether their functions are used.
    init(
        objects file: UnsafeRawBufferPointer,
        for gpu: DeviceDescription
    ) throws(CodeFailure) {
        let images: [ImageLayout]
        do {
            images = try ObjectImages.fatbins(in: file)
        } catch {
            throw CodeFailure(error)
        }
        texts = []
        for image in images { texts += try Self.choose(image, gpu).texts }
        for text in texts { try PTXHeader(text).check(gpu.capability) }
    }

    private init(
        _ layout: ImageLayout,
        linked: [ImageLayout],
        for gpu: DeviceDescription
    ) throws(CodeFailure) {
        switch layout.kind {
        case .text:
            isPlainText = true
            texts = [Array(UnsafeRawBufferPointer(start: layout.start, count: layout.size))]
        case .elf:
            guard gpu.code == .machine else {
                throw CodeFailure(
                    Status.noBinaryForGPU,
                    "the image is a cubin, code for NVIDIA's GPUs only; the software GPU runs PTX"
                )
            }
            texts = [try MachineCode(layout).declarations(for: gpu.capability)]
        case .fatbin:
            var chosen = try Self.choose(layout, gpu)
            if chosen.texts.isEmpty {
                for part in linked where part.kind == .fatbin {
                    chosen.texts += try Self.choose(part, gpu).texts
                }
            }
            guard !chosen.texts.isEmpty else {
                throw CodeFailure(
                    Status.noBinaryForGPU,
                    "the image has no PTX for compute capability \(gpu.capability.major)."
                        + "\(gpu.capability.minor) or below"
                )
            }
            texts = chosen.texts
            maximumRegisters = chosen.maximumRegisters
        }
        for text in texts { try PTXHeader(text).check(gpu.capability) }
    }

    /// The PTX with the highest target that fits, or all linked parts and the limit that they were
    /// linked with; empty if none fits. Machine code that fits comes first, where the GPU takes it.
    private static func choose(
        _ fatbin: ImageLayout,
        _ gpu: DeviceDescription
    ) throws(CodeFailure) -> (texts: [[UInt8]], maximumRegisters: Int?) {
        var best: FatbinEntry?
        var linked: [FatbinEntry] = []
        var entries = FatbinEntries(fatbin)
        do {
            while let entry = try entries.next() {
                guard entry.kind == .ptx || (entry.kind == .elf && gpu.code == .machine),
                    entry.runs(on: gpu.capability.number)
                else { continue }
                if entry.isLinkedPart {
                    linked.append(entry)
                } else if best.map({ entry.isBetter(than: $0) }) ?? true {
                    best = entry
                }
            }
        } catch {
            throw CodeFailure(error)
        }
        if !linked.isEmpty { best = nil }
        var texts: [[UInt8]] = []
        for entry in linked + (best.map { [$0] } ?? []) {
            let payload = try Decompression.payload(of: entry)
            texts.append(
                entry.kind == .elf
                    ? try MachineCode.declarations(in: payload, for: gpu.capability) : payload
            )
        }
        return (texts, linked.first?.maximumRegisters)
    }
}

extension FatbinEntry {
    /// Whether a driver takes this one and not the other, of two that run on its GPU.
    fileprivate func isBetter(than other: FatbinEntry) -> Bool {
        if kind != other.kind { return kind == .elf }
        if target != other.target { return target > other.target }
        return isArchitectureSpecific && !other.isArchitectureSpecific
    }
}

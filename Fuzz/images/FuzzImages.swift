/// libFuzzer's entry: measures an image of device code as the driver API gets it, reads a fatbin's
/// entries, expands them, and chooses some for several GPUs. Compiled together with the readers'
/// sources into one module (dev/fuzz-images). The input lies in memory of exactly its size, so that
/// AddressSanitizer sees the first byte that is read behind it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let memory = UnsafeRawBufferPointer(start: start, count: count)
    checkObjects(memory)
    guard let image = try? ImageLayout.measure(UnsafeRawPointer(start), limit: count) else {
        return 0
    }
    let end = image.start.advanced(by: image.size)
    check(image.start == memory.baseAddress && image.size >= 0, "an image that starts elsewhere")
    check(
        end <= UnsafeRawPointer(start).advanced(by: count),
        "an image that ends behind its memory"
    )
    if image.kind == .fatbin {
        checkEntries(image)
        checkSelection(image)
    }
    return 0
}

/// The fatbins of objects and libraries lie in them.
private func checkObjects(_ memory: UnsafeRawBufferPointer) {
    guard let base = memory.baseAddress, let images = try? ObjectImages.fatbins(in: memory) else {
        return
    }
    for image in images {
        check(image.start >= base, "a fatbin before its object")
        check(image.start + image.size <= base + memory.count, "a fatbin that leaves its object")
        checkEntries(image)
    }
}

/// Entries follow each other without gaps and hold their payloads.
private func checkEntries(_ image: ImageLayout) {
    var entries = FatbinEntries(image)
    var offset = 16
    while let entry = try? entries.next() {
        check(entry.extent.lowerBound == offset, "a gap between entries")
        check(entry.extent.upperBound <= image.size, "an entry that leaves its fatbin")
        offset = entry.extent.upperBound
        let inside = image.start..<image.start.advanced(by: image.size)
        if let payload = entry.payload.baseAddress, entry.payload.count > 0 {
            check(inside.contains(payload), "a payload outside the fatbin")
            check(
                payload.advanced(by: entry.payload.count) <= inside.upperBound,
                "a payload that leaves the fatbin"
            )
        }
        expand(entry)
    }
}

/// Expands an entry as the software GPU does; those that promise much are left out, for speed.
private func expand(_ entry: FatbinEntry) {
    let room = entry.uncompressedSize
    guard room > 0, room <= 1 << 18, let source = entry.payload.baseAddress else { return }
    let target = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 1)
    defer { target.deallocate() }
    let written =
        switch entry.compression {
        case .none, .unknown: 0
        case .lz4: ferry_lz4_unpack(source, entry.payload.count, target, room)
        case .zstd: ferry_zstd_expand(source, entry.payload.count, target, room)
        }
    check(written >= -1 && written <= room, "more bytes than there is room for")
}

/// What is chosen lies in the fatbin, in its order.
private func checkSelection(_ image: ImageLayout) {
    for isSoftware in [false, true] {
        let gpus = [75, 86, 90, 120].map {
            FatbinSelection.GPU(capability: $0, isSoftware: isSoftware)
        }
        for count in [1, gpus.count] {
            guard let selection = FatbinSelection(image, for: Array(gpus.prefix(count))) else {
                continue
            }
            var offset = 16
            for range in selection.ranges {
                check(range.lowerBound >= offset && !range.isEmpty, "ranges out of order")
                offset = range.upperBound
            }
            check(offset <= image.size, "a chosen range that leaves the fatbin")
            check(selection.size < image.size, "a choice that leaves nothing out")
        }
    }
}

private func check(_ holds: Bool, _ text: StaticString) {
    if !holds { fatalError("\(text)") }
}

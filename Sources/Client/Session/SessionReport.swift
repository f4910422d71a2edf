internal import CLinux
internal import Transport

/// Tells `ferry run --verbose` how the session came about: a file `PID.session` in the folder that
/// the lease names (docs/formats/lease-file.md). Made once, so that it is there however the process
/// ends.
enum SessionReport {
    static func write(_ folder: InlineArray<256, CChar>, _ channel: Channel) {
        guard folder[0] != 0 else { return }
        let size = 64
        guard let file = MappedFile.make(folder, suffix: "session", size: size),
            file.reserve(from: 0, bytes: size)
        else { return Log.error("the session's report cannot be written") }
        let page = file.address
        let name = channel.transport.name
        memcpy(page, name.utf8Start, name.utf8CodeUnitCount)
        _ = ferry_program_name(page + 32)
        file.unmap(size)
    }
}

/// What Linux says of processes in /proc.
package enum ProcessTable {
    /// When the process began, in clock ticks since boot; nil when there is none, or only a zombie.
    package static func startTicks(of pid: Int32) -> UInt64? {
        guard let bytes = try? PrivateFiles.read("/proc/\(pid)/stat") else { return nil }
        return startTicks(stat: String(decoding: bytes, as: UTF8.self))
    }

    /// The same, from the text of `/proc/PID/stat`.
    ///
    /// The second field is the program's name in parentheses and may itself contain spaces and
    /// parentheses, so the fields are counted from the last one.
    package static func startTicks(stat: String) -> UInt64? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        // Field 3 (state) is the first one here and field 22 (starttime) the twentieth.
        guard fields.count >= 20, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }

    /// What names this boot of the machine: the kernel's name for it, or, in a sandbox that has none,
    /// when it began.
    package static func bootID() -> String {
        func lines(_ path: String) -> [Substring] {
            let bytes = (try? PrivateFiles.read(path)) ?? nil
            return String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n")
        }
        if let name = lines("/proc/sys/kernel/random/boot_id").first { return String(name) }
        return lines("/proc/stat").first { $0.hasPrefix("btime ") }.map(String.init) ?? ""
    }
}

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

    /// The kernel's name for this boot of the machine.
    package static func bootID() -> String {
        let bytes = (try? PrivateFiles.read("/proc/sys/kernel/random/boot_id")) ?? nil
        return String(decoding: (bytes ?? []).prefix { $0 != 0x0a }, as: UTF8.self)
    }
}

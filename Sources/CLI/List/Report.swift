internal import FoundationEssentials

/// Everything that `ferry list` shows.
struct Report: Encodable, Sendable {
    var address: String
    var server: ServerInfo
    var gpus: [GPUList.GPU]
    var leases: [LeaseList.Lease]

    /// For people.
    func table() -> String {
        let driver = "\(server.driver.version / 1000).\(server.driver.version % 1000 / 10)"
        var parts = [
            "Server \(address): ferryd \(server.version), CUDA driver \(driver) "
                + "(\(server.driver.kind))"
        ]
        parts.append(gpuTable())
        if !leases.isEmpty { parts.append(leaseTable()) }
        return parts.joined(separator: "\n\n")
    }

    private func gpuTable() -> String {
        var table = TextTable(["GPU", "NAME", "CC", "FREE MIB", "MIB", "LEASES", "UUID"])
        for gpu in gpus {
            table.add([
                "\(gpu.index)", gpu.name, gpu.computeCapability, "\(gpu.memoryFreeBytes >> 20)",
                "\(gpu.memoryBytes >> 20)", "\(gpu.leases.count)", gpu.uuid,
            ])
        }
        return table.text
    }

    private func leaseTable() -> String {
        var table = TextTable(["LEASE", "CLIENT", "GPUS", "MIB", "AGE", "PROCESSES", "COMMAND"])
        for lease in leases {
            table.add([
                String(lease.id.prefix(8)),
                "\(lease.client.user)@\(lease.client.host):\(lease.client.pid)",
                lease.gpus.map { "\($0.index)" }.joined(separator: ","),
                lease.gpus.map { "\($0.memoryBytes >> 20)" }.joined(separator: ","),
                Self.age(since: lease.createdAt, now: Date.now),
                "\(lease.workers.count)",
                Self.printable(lease.client.command),
            ])
        }
        return table.text
    }

    /// The two largest units of the time since then.
    static func age(since text: String, now: Date) -> String {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        guard let date = try? style.parse(text) else { return "?" }
        let seconds = max(0, Int(now.timeIntervalSince(date)))
        return switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3600: "\(seconds / 60)m\(seconds % 60)s"
        case ..<86400: "\(seconds / 3600)h\(seconds % 3600 / 60)m"
        default: "\(seconds / 86400)d\(seconds % 86400 / 3600)h"
        }
    }

    /// Another client's words, fit for a terminal.
    static func printable(_ text: String) -> String {
        let clean = String(
            String.UnicodeScalarView(
                text.unicodeScalars.map {
                    $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? " " : $0
                }
            )
        )
        return clean.count > 60 ? clean.prefix(59) + "…" : clean
    }
}

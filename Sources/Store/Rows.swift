internal import Foundation
internal import GRDB
internal import Pool

/// A row that this code did not write.
struct DamagedRow: Error, CustomStringConvertible {
    let column: String

    var description: String { "the store is damaged: column \(column) makes no sense" }
}

extension [UInt8] {
    /// As GRDB wants bytes.
    var blob: Data { Data(self) }
}

extension Row {
    func bytes(_ column: String) throws -> [UInt8] {
        guard let data = self[column] as Data? else { throw DamagedRow(column: column) }
        return [UInt8](data)
    }

    func optionalBytes(_ column: String) -> [UInt8]? {
        (self[column] as Data?).map { [UInt8]($0) }
    }

    func leaseID(_ column: String) throws -> LeaseID {
        guard let id = LeaseID(bytes: try bytes(column)) else { throw DamagedRow(column: column) }
        return id
    }

    /// The lease of a row of table `lease`; its grants are fetched.
    func lease(_ database: Database) throws -> Lease {
        let id = try leaseID("id")
        let grants = try Row.fetchAll(
            database,
            sql: "SELECT * FROM gpu_grant WHERE lease_id = ? ORDER BY position",
            arguments: [id.bytes.blob]
        )
        return Lease(
            id: id,
            client: ClientDescription(
                host: self["client_host"],
                user: self["client_user"],
                pid: self["client_pid"],
                command: self["client_command"]
            ),
            grants: grants.map {
                Grant(
                    gpuIndex: $0["gpu_index"],
                    gpuUUID: $0["gpu_uuid"],
                    memoryBytes: $0["memory_bytes"],
                    isWhole: $0["is_whole"]
                )
            },
            createdAt: self["created_at"],
            lastSeen: Moment(uptime: 0, wall: self["last_seen_at"])
        )
    }

    func endedLease(_ database: Database) throws -> EndedLease {
        guard let reason = EndReason(rawValue: self["end_reason"]) else {
            throw DamagedRow(column: "end_reason")
        }
        return EndedLease(lease: try lease(database), endedAt: self["ended_at"], reason: reason)
    }
}

internal import GRDB
package import Pool

extension SQLiteStore {
    package func insert(_ stored: StoredLease) async throws {
        let lease = stored.lease
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO lease (id, secret, client_host, client_user, client_pid,
                        client_command, created_at, last_seen_at, owner)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    lease.id.bytes.blob, stored.secret.blob, lease.client.host, lease.client.user,
                    lease.client.pid, lease.client.command, lease.createdAt, lease.lastSeen.wall,
                    stored.owner?.blob,
                ]
            )
            for (position, grant) in lease.grants.enumerated() {
                try database.execute(
                    sql: """
                        INSERT INTO gpu_grant (lease_id, position, gpu_index, gpu_uuid,
                            memory_bytes, is_whole)
                        VALUES (?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        lease.id.bytes.blob, position, grant.gpuIndex, grant.gpuUUID,
                        grant.memoryBytes, grant.isWhole,
                    ]
                )
            }
        }
    }

    package func end(
        _ id: LeaseID,
        reason: EndReason,
        at moment: Moment,
        lastSeen: Int64
    ) async throws {
        try await database.write { database in
            try database.execute(
                sql: """
                    UPDATE lease SET secret = NULL, ended_at = ?, end_reason = ?, last_seen_at = ?
                    WHERE id = ? AND ended_at IS NULL
                    """,
                arguments: [moment.wall, reason.rawValue, lastSeen, id.bytes.blob]
            )
        }
    }

    package func touch(_ lastSeen: [LeaseID: Int64]) async throws {
        guard !lastSeen.isEmpty else { return }
        try await database.write { database in
            for (id, moment) in lastSeen {
                try database.execute(
                    sql: "UPDATE lease SET last_seen_at = ? WHERE id = ? AND ended_at IS NULL",
                    arguments: [moment, id.bytes.blob]
                )
            }
        }
    }

    package func living() async throws -> [StoredLease] {
        try await database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT * FROM lease WHERE ended_at IS NULL ORDER BY created_at, id"
            )
            return try rows.map {
                StoredLease(
                    lease: try $0.lease(database),
                    secret: try $0.bytes("secret"),
                    owner: $0.optionalBytes("owner")
                )
            }
        }
    }

    package func ended(_ id: LeaseID) async throws -> EndedLease? {
        try await database.read { database in
            try Row.fetchOne(
                database,
                sql: "SELECT * FROM lease WHERE id = ? AND ended_at IS NOT NULL",
                arguments: [id.bytes.blob]
            )
            .map { try $0.endedLease(database) }
        }
    }

    package func history(limit: Int) async throws -> [EndedLease] {
        try await database.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM lease WHERE ended_at IS NOT NULL
                    ORDER BY ended_at DESC, id LIMIT ?
                    """,
                arguments: [limit]
            )
            .map { try $0.endedLease(database) }
        }
    }

    package func prune(keeping: Int) async throws {
        try await database.write { database in
            try database.execute(
                sql: """
                    DELETE FROM lease WHERE ended_at IS NOT NULL AND id NOT IN (
                        SELECT id FROM lease WHERE ended_at IS NOT NULL
                        ORDER BY ended_at DESC, id LIMIT ?)
                    """,
                arguments: [keeping]
            )
        }
    }
}

internal import GRDB
internal import Pool

extension SQLiteStore {
    package func insert(_ worker: StoredWorker) async throws {
        // SQLite has no unsigned 64-bit integers; ticks since boot stay far below the sign.
        let ticks = Int64(truncatingIfNeeded: worker.startTicks)
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO worker
                        (pid, start_ticks, boot_id, lease_id, client_pid, program)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    worker.pid, ticks, worker.bootID, worker.lease.bytes.blob,
                    worker.clientPID, worker.program,
                ]
            )
        }
    }

    package func remove(workerPID pid: Int32, startTicks: UInt64) async throws {
        try await database.write { database in
            try database.execute(
                sql: "DELETE FROM worker WHERE pid = ? AND start_ticks = ?",
                arguments: [pid, Int64(truncatingIfNeeded: startTicks)]
            )
        }
    }

    package func workers() async throws -> [StoredWorker] {
        try await database.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM worker ORDER BY pid").map { row in
                StoredWorker(
                    lease: try row.leaseID("lease_id"),
                    pid: row["pid"],
                    startTicks: UInt64(bitPattern: row["start_ticks"] as Int64),
                    bootID: row["boot_id"],
                    clientPID: row["client_pid"],
                    program: row["program"]
                )
            }
        }
    }
}

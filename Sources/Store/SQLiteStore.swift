internal import GRDB
package import Pool

/// The store of a single server: one SQLite file, written ahead, synced at every commit.
package final class SQLiteStore: LeaseStore {
    let database: DatabaseQueue

    /// Opens the file, makes it when there is none, and brings its tables up to date.
    ///
    /// - Parameter path: the file; its folder must exist and be private, for the file holds the
    ///   secrets of the living leases.
    package init(path: String) throws {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        configuration.label = "ferry.store"
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA secure_delete = ON")
        }
        database = try DatabaseQueue(path: path, configuration: configuration)
        // GRDB makes it NORMAL with a write-ahead log, which loses the last commits of a machine
        // that loses its power.
        try database.inDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        try Schema.migrator.migrate(database)
    }

    /// SQLite's own word on how safe a commit is: journal mode and synchronous level.
    package func durability() async throws -> String {
        try await database.read { database in
            let journal = try String.fetchOne(database, sql: "PRAGMA journal_mode") ?? "?"
            let level = try Int.fetchOne(database, sql: "PRAGMA synchronous") ?? -1
            return "\(journal) \(level)"
        }
    }

    // MARK: - Settings

    package func setting(_ name: String) async throws -> String? {
        try await database.read { database in
            try String.fetchOne(
                database,
                sql: "SELECT value FROM setting WHERE name = ?",
                arguments: [name]
            )
        }
    }

    package func set(_ name: String, to value: String?) async throws {
        try await database.write { database in
            guard let value else {
                try database.execute(
                    sql: "DELETE FROM setting WHERE name = ?",
                    arguments: [name]
                )
                return
            }
            try database.execute(
                sql: """
                    INSERT INTO setting (name, value) VALUES (?, ?)
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value
                    """,
                arguments: [name, value]
            )
        }
    }

    // MARK: - Tokens

    package func tokenHashes() async throws -> [[UInt8]] {
        try await database.read { database in
            try Row.fetchAll(database, sql: "SELECT hash FROM token ORDER BY created_at")
                .map { try $0.bytes("hash") }
        }
    }

    package func insert(tokenHash: [UInt8], name: String, at moment: Moment) async throws {
        try await database.write { database in
            try database.execute(
                sql: "INSERT INTO token (hash, name, created_at) VALUES (?, ?, ?)",
                arguments: [tokenHash.blob, name, moment.wall]
            )
        }
    }
}

internal import GRDB

/// The tables, one migration for each release that changed them. A migration that was released is
/// never edited.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 leases") { database in
            try database.execute(sql: leases)
        }
        migrator.registerMigration("2 owners of leases") { database in
            try database.execute(
                sql: "ALTER TABLE lease ADD COLUMN owner BLOB CHECK (length(owner) = 32)"
            )
        }
        return migrator
    }

    /// `gpu_grant`, because GRANT is a word of SQL.
    private static let leases = """
        CREATE TABLE lease (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            secret BLOB CHECK (length(secret) = 32),
            client_host TEXT NOT NULL,
            client_user TEXT NOT NULL,
            client_pid INTEGER NOT NULL,
            client_command TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            last_seen_at INTEGER NOT NULL,
            ended_at INTEGER,
            end_reason TEXT,
            CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
            CHECK ((ended_at IS NULL) = (secret IS NOT NULL))
        ) STRICT;
        CREATE INDEX lease_living ON lease (created_at) WHERE ended_at IS NULL;
        CREATE INDEX lease_ended ON lease (ended_at) WHERE ended_at IS NOT NULL;
        CREATE TABLE gpu_grant (
            lease_id BLOB NOT NULL REFERENCES lease (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            gpu_index INTEGER NOT NULL,
            gpu_uuid TEXT NOT NULL,
            memory_bytes INTEGER NOT NULL,
            is_whole INTEGER NOT NULL CHECK (is_whole IN (0, 1)),
            PRIMARY KEY (lease_id, position)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE worker (
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            boot_id TEXT NOT NULL,
            lease_id BLOB NOT NULL REFERENCES lease (id) ON DELETE CASCADE,
            client_pid INTEGER NOT NULL,
            program TEXT NOT NULL,
            PRIMARY KEY (pid, start_ticks, boot_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX worker_lease ON worker (lease_id);
        CREATE TABLE setting (
            name TEXT NOT NULL PRIMARY KEY,
            value TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE token (
            hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
            name TEXT NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}

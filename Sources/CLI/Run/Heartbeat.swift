/// Tells the server, for as long as the task runs, that the lease's holder lives.
enum Heartbeat {
    /// Returns when the task is cancelled, or when the server no longer knows the lease.
    ///
    /// - Returns: whether the lease was lost.
    static func run(_ client: APIClient, lease: GrantedLease) async -> Bool {
        var pause = lease.heartbeatSeconds
        while true {
            try? await Task.sleep(for: .seconds(pause))
            if Task.isCancelled { return false }
            do {
                guard try await client.heartbeat(lease.id) else { return !Task.isCancelled }
                pause = lease.heartbeatSeconds
            } catch {
                // The network may come back before the grace period is over.
                pause = min(2, lease.heartbeatSeconds)
            }
        }
    }
}

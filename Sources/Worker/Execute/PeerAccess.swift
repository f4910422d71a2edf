internal import CUDAABI
internal import Driver
internal import Wire

// Access of GPUs to each other's memory. It takes nothing from the slice: all memory belongs to
// allocations of the same client.
extension Executor {
    /// Whether one GPU can use the memory of another one.
    func canAccessPeer(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: PeerLayout.questionSize)
        guard let call = driver.cuDeviceCanAccessPeer else {
            return finish(record, Status.notFound)
        }
        guard let (first, second) = pair(record) else {
            return finish(record, Status.invalidDevice)
        }
        var answer: Int32 = 0
        let status = call(&answer, first, second)
        finish(record, status, number: answer != 0 ? 1 : 0)
    }

    /// A `CUdevice_P2PAttribute` of two GPUs.
    func peerAttribute(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: PeerLayout.questionSize)
        guard let call = driver.cuDeviceGetP2PAttribute else {
            return finish(record, Status.notFound)
        }
        guard let (first, second) = pair(record) else {
            return finish(record, Status.invalidDevice)
        }
        var answer: Int32 = 0
        let status = call(&answer, record.load(PeerLayout.attribute, as: Int32.self), first, second)
        finish(record, status, number: UInt64(UInt32(bitPattern: answer)))
    }

    private func pair(_ record: Record) -> (Int32, Int32)? {
        let first = record.load(PeerLayout.first, as: Int32.self)
        let second = record.load(PeerLayout.second, as: Int32.self)
        return isDevice(first) && isDevice(second) ? (first, second) : nil
    }

    /// Whether the client has a device of this number.
    func isDevice(_ number: Int32) -> Bool { (0..<deviceCount).contains(Int(number)) }

    /// Lets the record's context use the memory of another context's GPU.
    func enablePeerAccess(_ record: Record) throws(ProtocolViolation) {
        guard let call = driver.cuCtxEnablePeerAccess else {
            return finish(record, Status.notFound)
        }
        try withPeer(record) { call($0, record.load(PeerLayout.flags, as: UInt32.self)) }
    }

    /// Ends it.
    func disablePeerAccess(_ record: Record) throws(ProtocolViolation) {
        guard let call = driver.cuCtxDisablePeerAccess else {
            return finish(record, Status.notFound)
        }
        try withPeer(record) { call($0) }
    }

    private func withPeer(
        _ record: Record,
        _ body: (CUcontext?) -> CUresult
    ) throws(ProtocolViolation) {
        try record.expect(size: PeerLayout.accessSize)
        let identifier = record.load(PeerLayout.context, as: UInt32.self)
        var peer: CUcontext?
        let status = find(identifier, &peer)
        finish(record, status == Status.success ? body(peer) : status)
    }
}

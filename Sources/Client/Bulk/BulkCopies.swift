internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Transport
internal import Wire

/// Large copies between the program's memory and the GPU's.
enum BulkCopies {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Copies to the GPU, if the bulk channels are there and free. Returns when the program's memory
    /// may change; a synchronous copy, when the GPU has everything.
    ///
    /// - Returns: A status; `nil`: nothing was done.
    @inline(never)
    static func upload(
        _ state: State,
        context: UInt32,
        from source: UnsafeRawBufferPointer,
        to destination: CUdeviceptr,
        stream: UInt64,
        isSynchronous: Bool
    ) -> CUresult? {
        guard BulkLink.take(state, source.count) else { return nil }
        var job = BulkJob(
            from: source,
            to: destination,
            stream: stream,
            context: context,
            channels: state.pointee.bulk.count
        )
        withUnsafeMutablePointer(to: &job) { BulkLink.carry(state, $0) }
        state.pointee.bulk.lock.unlock()
        Tracing.add(StatisticsLayout.bytesSent, source.count)
        guard isSynchronous, state.pointee.lostStatus == 0 else { return state.pointee.lostStatus }
        // Calls in streams that do not wait for the default one must find the bytes.
        return Session.synchronize(state, context: context, stream: stream)
    }

    /// Copies to the program's memory, if the bulk channels are there and free.
    ///
    /// - Parameter stream: `nil`: as the synchronous call.
    /// - Returns: A status; `nil`: nothing was done.
    @inline(never)
    static func download(
        _ state: State,
        context: UInt32,
        from source: CUdeviceptr,
        to destination: UnsafeMutableRawBufferPointer,
        stream: UInt64?
    ) -> CUresult? {
        guard BulkLink.take(state, destination.count) else { return nil }
        defer { state.pointee.bulk.lock.unlock() }
        let channels = state.pointee.bulk.count
        let transfer = state.pointee.bulk.nextTransfer()
        var job = BulkJob(to: destination, transfer: transfer, channels: channels)
        return withUnsafeMutablePointer(to: &job) { job in
            let status = Session.wait(
                state,
                .download,
                context: context,
                size: DownloadLayout.size,
                isAway: true,
                during: { BulkLink.carry(state, job) },
                { body in
                    body.storeBytes(of: source, as: UInt64.self)
                    let length = UInt64(destination.count)
                    body.storeBytes(
                        of: length,
                        toByteOffset: DownloadLayout.length,
                        as: UInt64.self
                    )
                    body.storeBytes(
                        of: stream ?? 0,
                        toByteOffset: DownloadLayout.stream,
                        as: UInt64.self
                    )
                    body.storeBytes(
                        of: transfer,
                        toByteOffset: DownloadLayout.transfer,
                        as: UInt64.self
                    )
                    body.storeBytes(
                        of: UInt32(channels),
                        toByteOffset: DownloadLayout.channels,
                        as: UInt32.self
                    )
                    body.storeBytes(
                        of: stream == nil ? 0 : 1,
                        toByteOffset: DownloadLayout.isInStream,
                        as: UInt32.self
                    )
                }
            )
            Tracing.add(StatisticsLayout.bytesReceived, destination.count)
            if status == Status.success, !job.pointee.isWhole {
                Log.error("the server's copy is incomplete")
                Replies.loseConnection(state)
                return state.pointee.lostStatus
            }
            return status
        }
    }
}

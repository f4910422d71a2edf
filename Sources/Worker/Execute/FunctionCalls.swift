internal import CUDAABI
internal import Driver
internal import Wire

// Functions of the program that streams call. No pointer of the program's comes here.
extension Executor {
    func launchHostFunction(_ record: Record) throws(ProtocolViolation) {
        let call = driver.cuLaunchHostFunc
        try giveFunction(record) { stream, argument in
            call?(stream, HostFunction.launched, argument) ?? Status.notFound
        }
    }

    func addCallback(_ record: Record) throws(ProtocolViolation) {
        let call = driver.cuStreamAddCallback
        try giveFunction(record) { stream, argument in
            call?(stream, HostFunction.added, argument, 0) ?? Status.notFound
        }
    }

    private func giveFunction(
        _ record: Record,
        _ give: (CUstream?, UnsafeMutableRawPointer) -> CUresult
    ) throws(ProtocolViolation) {
        try record.expect(size: HostFunctionLayout.size)
        let number = record.load(HostFunctionLayout.number, as: UInt64.self)
        let handle = record.load(HostFunctionLayout.stream, as: UInt64.self)
        guard let stream = handles.streams.find(handle) else {
            return refuse(record, Status.invalidHandle)
        }
        let status = functions.start(number, context: record.context) { give(stream, $0) }
        finish(record, status)
    }

    /// The client forgets a function whose record could not be executed.
    func dropFunction(_ record: Record) {
        guard record.body.count == HostFunctionLayout.size else { return }
        functions.drop(record.load(HostFunctionLayout.number, as: UInt64.self))
    }
}

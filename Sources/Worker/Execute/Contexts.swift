internal import CUDAABI
internal import Driver
internal import Wire

// Contexts: the reader's current one, created ones, reset of a primary one.
extension Executor {
    /// Makes a context the driver's current one on the reader thread. A primary context is
    /// retained when it is first needed.
    func enter(_ identifier: UInt32) -> CUresult {
        guard let setCurrent = driver.cuCtxSetCurrent else { return Status.notFound }
        var context: CUcontext?
        if identifier != 0 {
            let found = find(identifier, &context)
            guard found == Status.success else { return found }
        }
        let status = setCurrent(context)
        state.pointee.context = status == Status.success ? identifier : .max
        return status
    }

    /// Hands out the driver's context of a number, which the client has made or which is primary.
    func find(_ identifier: UInt32, _ context: inout CUcontext?) -> CUresult {
        guard var entry = contexts[identifier] else { return Status.invalidContext }
        if entry.context == nil {
            guard let retain = driver.cuDevicePrimaryCtxRetain else { return Status.notFound }
            let status = retain(&entry.context, entry.device)
            guard status == Status.success else { return status }
            contexts[identifier] = entry
        }
        context = entry.context
        return Status.success
    }

    /// The device of a record's context; `nil` when the record is in none.
    func device(of record: Record) -> Int32? {
        contexts[record.context]?.device
    }

    func createContext(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: ContextLayout.createSize)
        let identifier = record.load(ContextLayout.identifier, as: UInt32.self)
        let device = record.load(ContextLayout.device, as: Int32.self)
        guard contexts.accepts(identifier) else { return finish(record, Status.invalidValue) }
        guard isDevice(device) else {
            return finish(record, Status.invalidDevice)
        }
        guard let create = driver.cuCtxCreate_v2, let pop = driver.cuCtxPopCurrent_v2 else {
            return finish(record, Status.notFound)
        }
        var context: CUcontext?
        let status = create(&context, record.load(ContextLayout.flags, as: UInt32.self), device)
        if status == Status.success {
            contexts.insert(identifier, context, device: device)
            // The reader's stack of contexts stays flat.
            var popped: CUcontext?
            _ = pop(&popped)
            state.pointee.context = .max
        }
        finish(record, status)
    }

    func destroyContext(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: ContextLayout.destroySize)
        let identifier = record.load(ContextLayout.identifier, as: UInt32.self)
        guard identifier > WireFormat.maxDevices, let entry = contexts[identifier] else {
            return finish(record, Status.invalidContext)
        }
        guard let destroy = driver.cuCtxDestroy_v2 else { return finish(record, Status.notFound) }
        leave(identifier)
        let status = destroy(entry.context)
        contexts.remove(identifier)
        functions.removeAll(context: identifier)
        answers.forwardPrintedText()
        finish(record, status)
    }

    func resetPrimaryContext(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: ContextLayout.destroySize)
        let device = record.load(ContextLayout.identifier, as: Int32.self)
        guard isDevice(device) else {
            return finish(record, Status.invalidDevice)
        }
        guard let release = driver.cuDevicePrimaryCtxRelease_v2,
            let reset = driver.cuDevicePrimaryCtxReset_v2
        else { return finish(record, Status.notFound) }
        let identifier = UInt32(device) + 1
        if contexts[identifier]?.context != nil {
            leave(identifier)
            _ = release(device)
            contexts[identifier]?.context = nil
        }
        let status = reset(device)
        functions.removeAll(context: identifier)
        answers.forwardPrintedText()
        finish(record, status)
    }

    /// Forgets everything that lives in a context that is about to go, and makes none current.
    private func leave(_ identifier: UInt32) {
        _ = enter(identifier)
        leaveGraphs(context: identifier)
        deliveries.finishAll(context: identifier)
        bulk.slots.leave(identifier)
        contexts[identifier]?.staging?.destroy()
        contexts[identifier]?.staging = nil
        handles.streams.removeAll(context: identifier)
        handles.events.removeAll(context: identifier)
        handles.links.removeAll(context: identifier) { destroyEntry($0) }
        handles.images.removeAll(context: identifier) { forget($0) }
        forgetTextures(context: identifier)
        allocations.removeAll { allocation in
            guard allocation.context == identifier else { return false }
            slices.giveBack(allocation.charge, of: allocation.device)
            return true
        }
        _ = enter(0)
    }
}

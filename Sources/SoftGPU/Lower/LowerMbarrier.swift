import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// `mbarrier.*` and `cp.async.mbarrier.arrive`, on barriers of the own block.
    mutating func lowerMbarrier() throws(CompileError) {
        if name.opcode == .cp {
            // The copies before it are complete: without `.noinc` what it adds and what arrives
            // cancel.
            guard name.has(.noinc) else { return }
            try emitBarrier(.arrive, address: 0, count: nil, returns: false)
            return
        }
        if name.has(.`init`) {
            try emitBarrier(.initialize, address: 0, count: 1, returns: false)
        } else if name.has(.inval) {
            try emitBarrier(.invalidate, address: 0, count: nil, returns: false)
        } else if name.has(.pendingCount) {
            let a = try source(1, .u64)
            try destination(.u32) { (lowering, d) throws(CompileError) in
                var i = lowering.draft(MbarrierOps.handler())
                i.count = MbarrierOps.Operation.pendingCount.rawValue
                i.a = a
                i.d = d
                lowering.append(i)
            }
        } else if name.has(.testWait) || name.has(.tryWait) {
            try lowerBarrierTest()
        } else if name.has(.arriveDrop) {
            guard !name.has(.expectTx) else { throw unsupported() }
            try lowerArrival(.arriveDrop)
        } else if name.has(.arrive) {
            try lowerArrival(name.has(.expectTx) ? .arriveExpectBytes : .arrive)
        } else if name.has(.expectTx) {
            try emitBarrier(.expectBytes, address: 0, bytes: 1, returns: false)
        } else if name.has(.completeTx) {
            try emitBarrier(.completeBytes, address: 0, bytes: 1, returns: false)
        } else {
            throw unsupported()
        }
    }

    private mutating func lowerArrival(
        _ operation: MbarrierOps.Operation
    ) throws(CompileError) {
        var isReturning = true
        if case .memory = try operand(0) { isReturning = false }
        let address = isReturning ? 1 : 0
        let hasMore = operands.count > address + 1
        if operation == .arriveExpectBytes {
            try emitBarrier(operation, address: address, bytes: address + 1, returns: isReturning)
        } else {
            try emitBarrier(
                operation,
                address: address,
                count: hasMore ? address + 1 : nil,
                returns: isReturning
            )
        }
    }

    private mutating func barrierDraft(
        _ operation: MbarrierOps.Operation,
        address: Int
    ) throws(CompileError) -> LaneInstruction {
        let space: Space = try self.space() == .shared ? .shared : .generic
        let place = try location(try operand(address), space)
        var i = draft(MbarrierOps.handler())
        i.count = operation.rawValue
        i.a = place.base
        i.immediate = place.displacement
        i.mode = place.mode.rawValue
        i.b = -1
        i.d = -1
        return i
    }

    private mutating func emitBarrier(
        _ operation: MbarrierOps.Operation,
        address: Int,
        count: Int? = nil,
        bytes: Int? = nil,
        returns: Bool
    ) throws(CompileError) {
        var i = try barrierDraft(operation, address: address)
        if let count { i.b = try source(count, .u32) }
        if let bytes { i.e = try source(bytes, .u32) }
        guard returns, try operand(0) != .sink else {
            append(i)
            return
        }
        let draft = i
        try destination(.u64) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }

    private mutating func lowerBarrierTest() throws(CompileError) {
        let isParity = name.has(.parity)
        let c = try source(2, isParity ? .u32 : .u64)
        var i = try barrierDraft(isParity ? .testParity : .testState, address: 1)
        i.c = c
        let draft = i
        try destination(.pred) { (lowering, d) throws(CompileError) in
            var i = draft
            i.d = d
            lowering.append(i)
        }
    }
}

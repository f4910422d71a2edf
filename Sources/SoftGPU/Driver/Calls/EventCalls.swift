package import CUDAABI
internal import Driver

extension SoftCalls {
    package static func cuEventCreate(
        _ event: UnsafeMutablePointer<CUevent?>?,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let event = try required(event)
            // 1 blocking waits, 2 no timing, 4 for other processes
            guard flags & ~7 == 0 else { throw .invalidValue }
            guard flags & 4 == 0 || flags & 2 != 0 else { throw .invalidValue }
            let shared = flags & 4 != 0 ? SharedEvent() : nil
            guard flags & 4 == 0 || shared != nil else { throw .outOfMemory }
            event.pointee = context.add(
                Event(context: context, hasTiming: flags & 2 == 0, shared: shared)
            )
        }
    }

    package static func cuEventDestroy_v2(_ event: CUevent?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            guard let removed = driver.events.remove(number(event)) else { throw .invalidHandle }
            removed.context.removeEvent(number(event))
        }
    }

    package static func cuEventRecord(_ event: CUevent?, _ stream: CUstream?) -> CUresult {
        cuEventRecordWithFlags(event, stream, 0)
    }

    package static func cuEventRecordWithFlags(
        _ event: CUevent?,
        _ stream: CUstream?,
        _ flags: UInt32
    ) -> CUresult {
        guard flags <= 1 else { return Status.invalidValue }
        return withDriver { (driver) throws(Failure) in
            let event = try driver.event(event)
            let stream = try driver.stream(stream)
            guard stream.context === event.context else { throw .invalidHandle }
            let isExternal = flags == 1
            if Captures.isAny,
                try driver.graphs.record(event, in: stream, isExternal: isExternal)
            {
                return
            }
            // A node that records an event is made of nothing but a capture.
            guard !isExternal else { throw .invalidValue }
            try event.record(in: stream)
        }
    }

    package static func cuEventQuery(_ event: CUevent?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let event = try driver.event(event)
            try driver.checkUnsafeCall()
            try driver.graphs.check(event)
            guard event.isDone else { throw Failure(Status.notReady) }
            try event.context.check()
        }
    }

    package static func cuEventSynchronize(_ event: CUevent?) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let event = try driver.event(event)
            try driver.checkUnsafeCall()
            try driver.graphs.check(event)
            event.wait()
            event.context.output.flush()
            event.context.device.pools.trimAfterWait()
            try event.context.check()
        }
    }

    package static func cuEventElapsedTime(
        _ milliseconds: UnsafeMutablePointer<Float>?,
        _ start: CUevent?,
        _ end: CUevent?
    ) -> CUresult {
        withDriver { (driver) throws(Failure) in
            let (start, end) = (try driver.event(start), try driver.event(end))
            try driver.graphs.check(start)
            try driver.graphs.check(end)
            try required(milliseconds).pointee = Event.elapsed(from: start, to: end)
        }
    }

    package static func cuEventElapsedTime_v2(
        _ milliseconds: UnsafeMutablePointer<Float>?,
        _ start: CUevent?,
        _ end: CUevent?
    ) -> CUresult {
        cuEventElapsedTime(milliseconds, start, end)
    }
}

extension Context {
    /// Makes the handle of a new event.
    func add(_ event: Event) -> CUevent? {
        event.handle = driver.events.insert(event)
        addEvent(event.handle)
        return handle(event.handle)
    }
}

extension SoftDriver {
    /// An event whose context works.
    func event(_ handle: OpaquePointer?) throws(Failure) -> Event {
        guard let event = events.object(number(handle)) else { throw .invalidHandle }
        try event.context.check()
        return event
    }
}

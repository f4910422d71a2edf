import CLanes
import Lanes

extension Builtin {
    /// The function of a name that PTX declares and never defines.
    init?(name: String) {
        switch name {
        case "vprintf": self = .vprintf
        case "malloc": self = .malloc
        case "free": self = .free
        case "__assertfail", "__assert_fail": self = .assertFail
        case "cudaGraphSetConditional": self = .setConditional
        default: return nil
        }
    }
}

/// Executes a built-in function for each lane of `m`, in order.
func runBuiltin(
    _ site: UnsafeMutablePointer<CallSite>,
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ context: UnsafeMutablePointer<LaneContext>,
    _ frame: UnsafeMutablePointer<Frame>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ m: UInt32
) {
    let launch = engine.pointee.runtime.pointee.launch.takeUnretainedValue()
    let reader = LaneReader(context: context, instruction: UnsafePointer(ip))
    for lane in 0..<32 where (m >> UInt32(lane)) & 1 != 0 {
        let call = BuiltinCall(site: site, registers: frame.pointee.registers, lane: lane)
        switch site.pointee.builtin {
        case .vprintf:
            let text = formatted(reader, lane, format: call.argument(0), values: call.argument(1))
            guard context.pointee.faultCode == 0 else { return }
            launch.output.write(text.bytes)
            call.setResult(UInt64(truncatingIfNeeded: Int64(text.items)))
        case .malloc: call.setResult(launch.heap.allocate(call.argument(0)))
        case .free:
            let address = call.argument(0)
            if address != 0, !launch.heap.free(address) {
                recordFault(context, ip, FaultCode.launchFailed, 1 << UInt32(lane))
                return
            }
        case .assertFail:
            failAssertion(launch, reader, call, warp, engine, context, ip, lane)
            return
        case .setConditional:
            let value = UInt32(truncatingIfNeeded: call.argument(1))
            guard launch.conditionals.set(call.argument(0), value) else {
                recordFault(context, ip, FaultCode.launchFailed, 1 << UInt32(lane))
                return
            }
        case .none: return
        }
    }
}

/// One lane's arguments and result of a call.
struct BuiltinCall {
    let site: UnsafeMutablePointer<CallSite>
    let registers: UnsafeMutableRawPointer
    let lane: Int

    /// The k-th argument, zero-extended; 0 when there is none.
    func argument(_ k: Int) -> UInt64 {
        guard k < Int(site.pointee.argumentCount), let arguments = site.pointee.arguments else {
            return 0
        }
        return read(arguments[k])
    }

    /// Writes the result, if the call has one.
    func setResult(_ value: UInt64) {
        guard site.pointee.resultCount > 0, let object = site.pointee.results?[0] else { return }
        let to = registers + Int(object.offset) + lane * Int(object.bytes)
        withUnsafeBytes(of: value.littleEndian) { bytes in
            if let from = bytes.baseAddress {
                to.copyMemory(from: from, byteCount: min(8, Int(object.bytes)))
            }
        }
    }

    private func read(_ object: LaneObject) -> UInt64 {
        let from = registers + Int(object.offset) + lane * Int(object.bytes)
        var value: UInt64 = 0
        for k in 0..<min(8, Int(object.bytes)) {
            value |= UInt64(from.load(fromByteOffset: k, as: UInt8.self)) << UInt64(8 * k)
        }
        return value
    }
}

private func failAssertion(
    _ launch: Launch,
    _ reader: LaneReader,
    _ call: BuiltinCall,
    _ warp: UnsafeMutablePointer<Warp>,
    _ engine: UnsafeMutablePointer<Engine>,
    _ context: UnsafeMutablePointer<LaneContext>,
    _ ip: UnsafeMutablePointer<LaneInstruction>,
    _ lane: Int
) {
    let block = engine.pointee.block.pointee
    let message = reader.string(call.argument(0), lane) ?? []
    let file = reader.string(call.argument(1), lane) ?? []
    let line = UInt32(truncatingIfNeeded: call.argument(2))
    let function = reader.string(call.argument(3), lane) ?? []
    let thread = UInt32(truncatingIfNeeded: Int(warp.pointee.index) * 32 + lane)
    let size = launch.configuration.block
    var text = file
    text += Array(":\(line): ".utf8)
    text += function
    text += Array(": block: [\(block.x),\(block.y),\(block.z)], thread: [".utf8)
    text += Array("\(thread % size.x),\(thread / size.x % size.y),".utf8)
    text += Array("\(thread / (size.x * size.y))] Assertion `".utf8)
    text += message
    text += Array("` failed.\n".utf8)
    launch.output.writeError(text)
    context.pointee.faultCode = 0
    recordFault(context, ip, FaultCode.assert, 1 << UInt32(lane))
}

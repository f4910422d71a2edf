package import CUDAABI
internal import Driver
internal import Wire

// Whether GPUs reach each other's memory, and whether a context may: the server's driver says.

extension ClientCalls {
    /// `cuDeviceCanAccessPeer`
    package static func cuDeviceCanAccessPeer(
        _ canAccess: UnsafeMutablePointer<Int32>?,
        _ device: CUdevice,
        _ peer: CUdevice
    ) -> CUresult {
        withDevice(device) { state in
            guard state.pointee.devices.contains(peer) else { return Status.invalidDevice }
            return askOfPair(.cuDeviceCanAccessPeer, canAccess, 0, state, device, peer)
        }
    }

    /// `cuDeviceGetP2PAttribute`
    package static func cuDeviceGetP2PAttribute(
        _ value: UnsafeMutablePointer<Int32>?,
        _ attribute: CUdevice_P2PAttribute,
        _ source: CUdevice,
        _ destination: CUdevice
    ) -> CUresult {
        withDevice(source) { state in
            guard state.pointee.devices.contains(destination) else { return Status.invalidDevice }
            return askOfPair(
                .cuDeviceGetP2PAttribute,
                value,
                attribute,
                state,
                source,
                destination
            )
        }
    }

    /// What the driver says of two of the program's devices.
    private static func askOfPair(
        _ opcode: Opcode,
        _ answer: UnsafeMutablePointer<Int32>?,
        _ attribute: Int32,
        _ state: UnsafeMutablePointer<SessionState>,
        _ first: CUdevice,
        _ second: CUdevice
    ) -> CUresult {
        guard let answer else { return Status.invalidValue }
        let pair = (
            state.pointee.devices.serverOrdinal(first), state.pointee.devices.serverOrdinal(second)
        )
        var found: UInt64 = 0
        let status = ask(state, opcode, PeerLayout.questionSize, &found) { body in
            PeerLayout.encode(attribute, of: pair, to: body)
        }
        if status == Status.success { answer.pointee = Int32(truncatingIfNeeded: found) }
        return status
    }

    /// `cuCtxEnablePeerAccess`: from the current context to the memory of `peer`'s GPU.
    package static func cuCtxEnablePeerAccess(_ peer: CUcontext?, _ flags: UInt32) -> CUresult {
        changePeer(.cuCtxEnablePeerAccess, peer, flags)
    }

    /// `cuCtxDisablePeerAccess`
    package static func cuCtxDisablePeerAccess(_ peer: CUcontext?) -> CUresult {
        changePeer(.cuCtxDisablePeerAccess, peer, 0)
    }

    private static func changePeer(
        _ opcode: Opcode,
        _ peer: CUcontext?,
        _ flags: UInt32
    ) -> CUresult {
        withContext { state, context in
            let handle = UInt64(UInt(bitPattern: peer))
            guard let identifier = state.pointee.contexts.identifier(handle) else {
                return Status.invalidContext
            }
            return Session.wait(state, opcode, context: context, size: PeerLayout.accessSize) {
                $0.storeBytes(of: identifier, as: UInt32.self)
                $0.storeBytes(of: flags, toByteOffset: PeerLayout.flags, as: UInt32.self)
            }
        }
    }
}

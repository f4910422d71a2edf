internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

/// A load of an image, of which the handle is made already.
struct LoadRequest {
    let state: UnsafeMutablePointer<SessionState>
    let opcode: Opcode
    let context: UInt32
    let handle: UInt64
    let options: JITOptions

    /// Makes the call and reads the kernels in its answer.
    func perform(_ image: borrowing OutgoingImage) -> ImageCall.Result {
        let (kind, count) = (image.kind, image.count)
        return ImageCall.perform(state, image, context: context) { before in
            call(kind, count, before)
        }
    }

    /// Sends image and call as one piece of the stream, and reads the reply.
    private func call(_ kind: ImageKind, _ count: Int, _ before: () -> Void) -> ImageCall.Result {
        var isWhole = true
        var result = ImageCall.Result()
        result.status = Session.wait(
            state,
            opcode,
            context: context,
            size: LoadLayout.options + options.size,
            readsFailure: true,
            before: before
        ) { body in
            body.storeBytes(of: handle, as: UInt64.self)
            body.storeBytes(of: UInt64(count), toByteOffset: 8, as: UInt64.self)
            body.storeBytes(of: options.logs.infoSize, toByteOffset: 16, as: UInt32.self)
            body.storeBytes(of: options.logs.errorSize, toByteOffset: 20, as: UInt32.self)
            body.storeBytes(of: UInt32(options.forwarded), toByteOffset: 24, as: UInt32.self)
            body.storeBytes(of: kind.rawValue, toByteOffset: 28, as: UInt32.self)
            options.encode(to: body + LoadLayout.options)
        } reply: { reply in
            let own = reply.loadUnaligned(as: Int32.self)
            result.own = own
            guard own != ImageName.missing else { return }
            let start = options.logs.take(
                reply,
                lengths: LoadReplyLayout.infoLogLength,
                start: LoadReplyLayout.logs
            )
            guard own == 0 else { return }
            isWhole = start.map { KernelReplies.read(state, handle, reply, $0) } ?? false
        }
        if result.status == 0, !isWhole {
            Replies.loseConnection(state)
            result.status = Status.deviceUnavailable
        }
        return result
    }
}

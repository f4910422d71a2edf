internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// The linker: the server's driver links, this side carries inputs, logs and the image.

extension ClientCalls {
    private static func raw(_ link: CUlinkState?) -> UInt64 { UInt64(UInt(bitPattern: link)) }

    /// `cuLinkCreate_v2`
    package static func cuLinkCreate_v2(
        _ count: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ link: UnsafeMutablePointer<CUlinkState?>?
    ) -> CUresult {
        withContext { state, context in
            guard let link, let parsed = JITOptions(count, options, values) else {
                return Status.invalidValue
            }
            let entry = LinkEntry(image: nil, logs: parsed.logs)
            let made = state.pointee.objectLock.withLock { state.pointee.links.insert(entry) }
            guard let made else { return Status.outOfMemory }
            let size = LinkLayout.options + parsed.size
            let status = Session.wait(state, .cuLinkCreate_v2, context: context, size: size) {
                $0.storeBytes(of: made, as: UInt64.self)
                $0.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
                $0.storeBytes(of: parsed.logs.infoSize, toByteOffset: 16, as: UInt32.self)
                $0.storeBytes(of: parsed.logs.errorSize, toByteOffset: 20, as: UInt32.self)
                $0.storeBytes(of: UInt64(parsed.forwarded), toByteOffset: 24, as: UInt64.self)
                parsed.encode(to: $0 + LinkLayout.options)
            }
            guard status == 0 else {
                _ = state.pointee.objectLock.withLock { state.pointee.links.remove(made) }
                return status
            }
            link.pointee = Handles.pointer(made)
            return Status.success
        }
    }

    private static func withLink(
        _ link: CUlinkState?,
        _ body: (
            UnsafeMutablePointer<SessionState>, UInt32, UnsafeMutablePointer<LinkEntry>
        ) -> CUresult
    ) -> CUresult {
        withContext { state, context in
            guard let entry = state.pointee.links.find(raw(link)) else {
                return Status.invalidHandle
            }
            return body(state, context, entry)
        }
    }

    /// `cuLinkAddData_v2`
    package static func cuLinkAddData_v2(
        _ link: CUlinkState?,
        _ type: CUjitInputType,
        _ data: UnsafeMutableRawPointer?,
        _ bytes: Int,
        _ name: UnsafePointer<CChar>?,
        _ count: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        guard let data, bytes > 0 else { return Status.invalidValue }
        let input = UnsafeRawBufferPointer(start: data, count: bytes)
        return add(link, type, input, name, count, options, values)
    }

    private static func add(
        _ link: CUlinkState?,
        _ type: CUjitInputType,
        _ input: UnsafeRawBufferPointer,
        _ name: UnsafePointer<CChar>?,
        _ count: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        withLink(link) { state, context, entry in
            guard input.count <= WireFormat.maxImage,
                let parsed = JITOptions(count, options, values)
            else { return Status.invalidValue }
            let length = name.map { min(strlen($0), GlobalLayout.maxName) } ?? 0
            let size = LinkLayout.options + parsed.size + WireFormat.padded(length)
            let image = OutgoingImage(input, .other)
            return ImageCall.perform(state, image, context: context) { before in
                var result = ImageCall.Result()
                result.status = Session.wait(
                    state,
                    .cuLinkAddData_v2,
                    context: context,
                    size: size,
                    readsFailure: true,
                    before: before
                ) { body in
                    body.storeBytes(of: raw(link), as: UInt64.self)
                    body.storeBytes(of: UInt64(input.count), toByteOffset: 8, as: UInt64.self)
                    body.storeBytes(of: type, toByteOffset: 16, as: Int32.self)
                    body.storeBytes(of: UInt32(length), toByteOffset: 20, as: UInt32.self)
                    body.storeBytes(of: UInt64(parsed.forwarded), toByteOffset: 24, as: UInt64.self)
                    parsed.encode(to: body + LinkLayout.options)
                    let target = body + LinkLayout.options + parsed.size
                    memset(target, 0, WireFormat.padded(length))
                    if let name { memcpy(target, name, length) }
                } reply: { reply in
                    let own = reply.loadUnaligned(as: Int32.self)
                    result.own = own
                    guard own != ImageName.missing else { return }
                    _ = entry.pointee.logs.take(reply, lengths: 8, start: LinkLayout.replyLogs)
                }
                return result
            }.status
        }
    }

    /// `cuLinkAddFile_v2`: the file is the program's, so it is read here (rule 11).
    package static func cuLinkAddFile_v2(
        _ link: CUlinkState?,
        _ type: CUjitInputType,
        _ path: UnsafePointer<CChar>?,
        _ count: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> CUresult {
        withFileBytes(path) { add(link, type, $0, path, count, options, values) }
    }

    /// `cuLinkComplete`: the image belongs to the linker.
    package static func cuLinkComplete(
        _ link: CUlinkState?,
        _ image: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ size: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        withLink(link) { state, context, entry in
            guard let image else { return Status.invalidValue }
            var isWhole = false
            let status = Session.wait(
                state,
                .cuLinkComplete,
                context: context,
                size: 8,
                readsFailure: true
            ) { body in
                body.storeBytes(of: raw(link), as: UInt64.self)
            } reply: { reply in
                let start = entry.pointee.logs.take(
                    reply,
                    lengths: 8,
                    start: LinkLayout.replyLogs
                )
                guard reply.loadUnaligned(as: Int32.self) == 0, let start else { return }
                let bytes = reply.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                guard bytes <= UInt64(reply.count - start), let base = reply.baseAddress,
                    let copy = malloc(Int(bytes) + 8)
                else { return }
                memcpy(copy, base + start, Int(bytes))
                memset(copy + Int(bytes), 0, 8)
                free(entry.pointee.image)
                entry.pointee.image = copy
                image.pointee = copy
                size?.pointee = Int(bytes)
                isWhole = true
            }
            return status == 0 && !isWhole ? Status.unknown : status
        }
    }

    /// `cuLinkDestroy`
    package static func cuLinkDestroy(_ link: CUlinkState?) -> CUresult {
        withContext { state, context in
            Session.sendLast(state, .cuLinkDestroy, context: context, handle: raw(link)) {
                guard let removed = state.pointee.links.remove(raw(link)) else { return false }
                free(removed.image)
                return true
            }
        }
    }
}

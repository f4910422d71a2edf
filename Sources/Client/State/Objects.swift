internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// A stream. `context` is the handle of its context.
struct StreamEntry {
    var context: UInt64
    var flags: UInt32
    var priority: Int32
    var identifier: UInt64
    /// As many functions of the program were given to streams when it last waited for an event (`HostFunctions`).
    var joined: UInt64 = 0
}

/// An event.
struct EventEntry {
    var context: UInt64
    var flags: UInt32
    /// Where in the stream of commands it was recorded last; 0 never.
    var recordedAt: UInt64 = 0
    /// The record that is known to be complete: later questions about it cost nothing.
    var completedAt: UInt64 = 0
    /// Whether graphs record it.
    var isOfGraph = false

    /// Flags of an event that several processes use: for them, and without times.
    static let sharedFlags: UInt32 = 4 | 2
    /// Whether other processes may record it, too, or wait for it. Then what is done with it has to be done
    /// on the server when the call returns, because only the program knows in which order its processes go on.
    @inline(__always)
    var isShared: Bool { flags & 4 != 0 }
}

/// A loaded module or library: CUmodule and CUlibrary are one namespace.
struct ImageEntry {
    var context: UInt64
    var isLibrary: Bool
    /// Handles of its functions, in the order of the server's reply.
    var functions: UnsafeMutablePointer<UInt64>
    var functionCount: Int
}

/// A kernel: CUfunction and CUkernel are one namespace (rule 3).
struct FunctionEntry {
    /// What the server calls it.
    var identifier: UInt32
    var image: UInt64
    /// NUL-terminated.
    var name: UnsafeMutablePointer<CChar>
    /// CUfunction_attribute 0…15.
    var attributes: UnsafeMutablePointer<Int32>
    var parameters: ParameterLayout
    var template = LaunchTemplate()

    /// Frees what the entry points to.
    func deallocate() {
        name.deallocate()
        attributes.deallocate()
        parameters.deallocate()
    }
}

/// A linker in use.
struct LinkEntry {
    /// The finished image, which belongs to the linker.
    var image: UnsafeMutableRawPointer?
    /// The caller's log buffers.
    var logs: JITLogs
}

/// A CUDA array: what `CUDA_ARRAY3D_DESCRIPTOR` says of it.
struct ArrayEntry {
    var context: UInt64
    /// Texels; height and depth are 0 where there is no such dimension.
    var width: Int
    var height: Int
    var depth: Int
    var format: CUarray_format
    var channels: UInt32
    var flags: UInt32
    /// Bytes, rows and slices; `nil` when the format is one whose texels are not known here.
    var extent: BoxExtent?
}

/// A texture or surface reference of a module.
struct ReferenceEntry {
    var image: UInt64
    /// A library has a module, and so a reference of this name, in each context.
    var context: UInt64
    var isSurface: Bool
    /// NUL-terminated.
    var name: UnsafeMutablePointer<CChar>
    /// The array that it was set to last, 0 if none.
    var array: UInt64 = 0
}

/// Turns handles into their form on the wire.
package enum Handles {
    /// A stream; per-thread default streams become real ones here.
    @inline(__always)
    static func stream(_ stream: OpaquePointer?) -> UInt64? {
        let handle = UInt64(UInt(bitPattern: stream))
        if handle <= 1 { return handle }
        return streamSlow(handle)
    }

    private static func streamSlow(_ handle: UInt64) -> UInt64? {
        // Making a stream takes a lock, which another thread of the parent may have held.
        guard let state = Session.state, ferry_forked() == 0 else { return nil }
        if handle == 2 { return PerThreadStream.current(state) }
        return state.pointee.streams.find(handle) == nil ? nil : handle
    }

    /// An event.
    @inline(__always)
    static func event(_ event: OpaquePointer?) -> UInt64? {
        let handle = UInt64(UInt(bitPattern: event))
        guard let state = Session.state, state.pointee.events.find(handle) != nil else {
            return nil
        }
        return handle
    }

    /// A function: the server's identifier.
    @inline(__always)
    static func function(_ function: OpaquePointer?) -> UInt64? {
        guard let entry = entry(function) else { return nil }
        return UInt64(entry.pointee.identifier)
    }

    /// An array.
    static func array(_ array: OpaquePointer?) -> UInt64? {
        let handle = UInt64(UInt(bitPattern: array))
        return Session.state?.pointee.arrays.find(handle) == nil ? nil : handle
    }

    /// A texture reference.
    static func texref(_ reference: OpaquePointer?) -> UInt64? {
        self.reference(reference, isSurface: false)
    }

    /// A texture or surface reference.
    static func reference(_ reference: OpaquePointer?, isSurface: Bool) -> UInt64? {
        let handle = UInt64(UInt(bitPattern: reference))
        guard let entry = Session.state?.pointee.references.find(handle),
            entry.pointee.isSurface == isSurface
        else { return nil }
        return handle
    }

    /// What is known of a function.
    @inline(__always)
    static func entry(_ function: OpaquePointer?) -> UnsafeMutablePointer<FunctionEntry>? {
        Session.state?.pointee.functions.find(UInt64(UInt(bitPattern: function)))
    }

    /// The number in a pointer that a program sees for a handle.
    @inline(__always)
    static func raw(_ handle: OpaquePointer?) -> UInt64 { UInt64(UInt(bitPattern: handle)) }

    /// The pointer that a program sees for a handle.
    @inline(__always)
    static func pointer(_ handle: UInt64) -> OpaquePointer? {
        OpaquePointer(bitPattern: UInt(handle))
    }
}

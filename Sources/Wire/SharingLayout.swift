/// Bodies of the calls about memory and events that processes share. What a client gets as a handle is a
/// name that the server has drawn for it, padded with zeros; processes of the same lease can use it.
package enum SharingLayout {
    /// Bytes of `CUipcMemHandle` and `CUipcEventHandle`.
    package static let handleSize = 64
    /// Bytes of it that are drawn.
    package static let nameSize = 32

    // cuIpcGetMemHandle: u64 address; cuIpcGetEventHandle: u64 event → the handle
    // cuIpcCloseMemHandle: u64 address → u64, how often it is still open
    package static let numberSize = 8
    package static let handleReplySize = ReplyLayout.values + handleSize

    // cuIpcOpenMemHandle_v2: the handle, u32 flags, u32 0 → u64 address, u64 bytes, i32 device or -1, u32 0
    package static let flags = 64
    package static let openMemorySize = 72
    package static let address = ReplyLayout.values
    package static let bytes = ReplyLayout.values + 8
    package static let device = ReplyLayout.values + 16
    package static let openMemoryReplySize = ReplyLayout.values + 24

    // cuIpcOpenEventHandle: u64 the event's new handle, then the handle that was given
    package static let given = 8
    package static let openEventSize = 72

    // cuMemExportToShareableHandle: u64 handle of memory, u64 flags → a handle
    package static let exportSize = 16
    // cuMemImportFromShareableHandle: a handle → u64 handle of memory

    /// `CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR`, the kind that there is.
    package static let fileDescriptor: Int32 = 1

    // What the file that a program gets has in it: the magic, then the handle.
    package static let magic: StaticString = "FERRYMEM"
    package static let magicSize = 8
    package static let fileSize = 72
}

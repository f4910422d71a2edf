internal import CLinux
internal import Driver
internal import Wire

/// The record of a function's last launch up to its parameters, header included.
///
/// Programs launch a kernel again and again, mostly with the same dimensions. What was found right
/// then is right now, so the record of such a launch is this one with another sequence number. Guarded
/// by the stream lock.
struct LaunchTemplate {
    // As they lie in the record: `RecordHeader`, then `LaunchLayout`.
    private(set) var recordSize: UInt32 = 0
    private var opcodeAndFlags: UInt32 = 0
    private var sequence: UInt32 = 0
    /// In which context it was; 0 while no launch is like this one.
    private(set) var context: UInt32 = 0
    private var function: UInt32 = 0
    private var attributeCount: UInt32 = 0
    private var grid: (UInt32, UInt32, UInt32) = (0, 0, 0)
    private var block: (UInt32, UInt32, UInt32) = (0, 0, 0)
    private var sharedBytes: UInt32 = 0
    private var parameterBytes: UInt32 = 0
    private(set) var stream: UInt64 = 0

    /// Bytes that a record has before its parameters.
    static var size: Int { MemoryLayout<LaunchTemplate>.size }

    /// Remembers a record that was written.
    mutating func remember(_ record: UnsafeRawPointer) {
        self = record.loadUnaligned(as: LaunchTemplate.self)
    }

    /// Takes the dimensions and the stream of another launch.
    mutating func reshape(_ launch: ClientCalls.Launch) {
        grid = launch.grid
        block = launch.block
        sharedBytes = launch.sharedBytes
        stream = unsafeBitCast(launch.stream, to: UInt64.self)
    }

    /// Lets the next launch be checked as the first one is.
    mutating func forget() { context = 0 }

    /// The launch that this one was.
    var launch: ClientCalls.Launch {
        .init(
            grid: grid,
            block: block,
            sharedBytes: sharedBytes,
            stream: OpaquePointer(bitPattern: UInt(stream))
        )
    }

    /// Whether the launch is as the last one was, in whatever context.
    @inline(__always)
    func isLike(_ launch: ClientCalls.Launch) -> Bool {
        grid == launch.grid && block == launch.block && sharedBytes == launch.sharedBytes
            && stream == unsafeBitCast(launch.stream, to: UInt64.self)
    }

    /// Writes the record up to its parameters.
    @inline(__always)
    func write(to record: UnsafeMutableRawPointer, sequence: UInt32) {
        record.storeBytes(of: self, as: LaunchTemplate.self)
        record.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)
    }
}

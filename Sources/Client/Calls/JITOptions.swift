internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

/// The caller's buffers for what the JIT says, from the option arrays of a load or a linker.
struct JITLogs {
    var info: UnsafeMutableRawPointer?
    var infoSize: UInt32 = 0
    var error: UnsafeMutableRawPointer?
    var errorSize: UInt32 = 0
    /// Elements of the caller's value array that receive the lengths.
    var infoLength: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    var errorLength: UnsafeMutablePointer<UnsafeMutableRawPointer?>?

    /// Copies the logs of a reply into the caller's buffers.
    ///
    /// - Parameters:
    ///   - reply: Body of the reply.
    ///   - start: Where the logs begin.
    /// - Returns: Where they end; `nil` when the reply does not hold together.
    func take(_ reply: UnsafeRawBufferPointer, lengths: Int, start: Int) -> Int? {
        guard reply.count >= start else { return nil }
        let infoCount = Int(reply.loadUnaligned(fromByteOffset: lengths, as: UInt32.self))
        let errorCount = Int(reply.loadUnaligned(fromByteOffset: lengths + 4, as: UInt32.self))
        let middle = start + WireFormat.padded(infoCount)
        let end = middle + WireFormat.padded(errorCount)
        guard end <= reply.count, let base = reply.baseAddress else { return nil }
        Self.copy(base + start, infoCount, info, infoSize, infoLength)
        Self.copy(base + middle, errorCount, error, errorSize, errorLength)
        return end
    }

    private static func copy(
        _ text: UnsafeRawPointer,
        _ count: Int,
        _ buffer: UnsafeMutableRawPointer?,
        _ size: UInt32,
        _ length: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) {
        guard let buffer, size > 0 else { return }
        let used = min(count, Int(size) - 1)
        memcpy(buffer, text, used)
        buffer.storeBytes(of: 0, toByteOffset: used, as: UInt8.self)
        length?.pointee = UnsafeMutableRawPointer(bitPattern: UInt(used == 0 ? 0 : used + 1))
    }
}

/// The option arrays of a load or a linker, taken apart.
struct JITOptions {
    var logs = JITLogs()
    private let options: UnsafeMutablePointer<CUjit_option>?
    private let values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    private let count: Int
    /// Options that go to the server.
    private(set) var forwarded = 0

    /// Numbers of CUjit_option that mean something here.
    private enum Option {
        static let maxRegisters: Int32 = 0
        static let threadsPerBlock: Int32 = 1
        static let wallTime: Int32 = 2
        static let infoBuffer: Int32 = 3
        static let infoSize: Int32 = 4
        static let errorBuffer: Int32 = 5
        static let errorSize: Int32 = 6
        static let optimizationLevel: Int32 = 7
        static let debugInfo: Int32 = 11
        static let verboseLog: Int32 = 12
        static let lineInfo: Int32 = 13
        static let cacheMode: Int32 = 14
        static let symbolNames: Int32 = 17
        static let symbolAddresses: Int32 = 18
        static let symbolCount: Int32 = 19
    }

    /// `nil` when the arrays make no sense.
    init?(
        _ count: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) {
        guard count <= UInt32(LoadLayout.maxOptions) else { return nil }
        guard count == 0 || (options != nil && values != nil) else { return nil }
        self.options = options
        self.values = values
        self.count = Int(count)
        for index in 0..<self.count { take(index) }
    }

    private mutating func take(_ index: Int) {
        guard let options, let values else { return }
        let value = values[index]
        let number = UInt32(truncatingIfNeeded: UInt(bitPattern: value))
        switch options[index] {
        case Option.infoBuffer: logs.info = value
        case Option.errorBuffer: logs.error = value
        case Option.infoSize:
            logs.infoSize = min(number, UInt32(LoadLayout.maxLog))
            logs.infoLength = values + index
        case Option.errorSize:
            logs.errorSize = min(number, UInt32(LoadLayout.maxLog))
            logs.errorLength = values + index
        default: if isForwarded(options[index]) { forwarded += 1 }
        }
    }

    /// Whether the option's value is a number that means the same on the server.
    private func isForwarded(_ option: CUjit_option) -> Bool {
        switch option {
        case Option.wallTime, Option.infoBuffer, Option.infoSize, Option.errorBuffer,
            Option.errorSize, Option.symbolNames, Option.symbolAddresses, Option.symbolCount:
            false
        default: true
        }
    }

    /// Whether some option may have the driver take another part of a fatbin than it would take
    /// by itself: a target, a preference, an input for a link.
    var mayChangeChoice: Bool {
        guard let options else { return false }
        for index in 0..<count where isForwarded(options[index]) {
            switch options[index] {
            case Option.maxRegisters, Option.threadsPerBlock, Option.optimizationLevel,
                Option.debugInfo, Option.verboseLog, Option.lineInfo, Option.cacheMode:
                continue
            default: return true
            }
        }
        return false
    }

    /// Bytes of the options on the wire.
    var size: Int { forwarded * LoadLayout.optionSize }

    /// Writes the options that go to the server.
    func encode(to body: UnsafeMutableRawPointer) {
        var target = body
        for index in 0..<count {
            guard let options, let values, isForwarded(options[index]) else { continue }
            target.storeBytes(of: UInt32(bitPattern: options[index]), as: UInt32.self)
            target.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
            let value = UInt64(UInt(bitPattern: values[index]))
            target.storeBytes(of: value, toByteOffset: 8, as: UInt64.self)
            target += LoadLayout.optionSize
        }
    }
}

internal import CUDAABI
internal import Wire

/// Options of the driver's compiler and linker, in the driver's form, with room for its logs.
///
/// The arrays stay where they are until `destroy`: a linker writes to them for as long as it
/// lives.
struct JITOptions {
    private(set) var identifiers: UnsafeMutablePointer<CUjit_option>
    private(set) var values: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private(set) var count = 0
    private var infoLog: UnsafeMutablePointer<UInt8>?
    private var infoLogSize = 0
    private var errorLog: UnsafeMutablePointer<UInt8>?
    private var errorLogSize = 0
    /// Bytes that the client has room for; the server's own log wants to know errors anyway.
    private var clientErrorLogSize = 0

    /// Options whose value is a number; the others hold pointers, which the client cannot pass.
    static func isPlain(_ option: Int32) -> Bool {
        switch option {
        case 0...2, 7...16, 20...24, 29...35: true
        default: false
        }
    }

    /// Reads `count` options from `offset` of a record's body, whose bounds were checked.
    ///
    /// - Returns: `nil` when there is one that cannot be passed on.
    init?(_ record: Record, at offset: Int, count: Int, infoLogSize: Int, errorLogSize: Int) {
        identifiers = .allocate(capacity: count + 4)
        values = .allocate(capacity: count + 4)
        for index in 0..<count {
            let position = offset + index * LoadLayout.optionSize
            let option = record.load(position, as: Int32.self)
            let value = record.load(position + 8, as: UInt64.self)
            guard Self.isPlain(option) else {
                WorkerLog.line("\(record.opcode.name): option \(option) is not supported")
                identifiers.deallocate()
                values.deallocate()
                return nil
            }
            add(option, UnsafeMutableRawPointer(bitPattern: UInt(value)))
        }
        self.infoLogSize = min(infoLogSize, LoadLayout.maxLog)
        clientErrorLogSize = min(errorLogSize, LoadLayout.maxLog)
        self.errorLogSize = max(clientErrorLogSize, 2048)
        infoLog = addLog(buffer: 3, size: 4, self.infoLogSize)
        errorLog = addLog(buffer: 5, size: 6, self.errorLogSize)
    }

    private mutating func add(_ option: Int32, _ value: UnsafeMutableRawPointer?) {
        identifiers[count] = option
        (values + count).initialize(to: value)
        count += 1
    }

    private mutating func addLog(
        buffer: Int32,
        size: Int32,
        _ bytes: Int
    ) -> UnsafeMutablePointer<UInt8>? {
        guard bytes > 0 else { return nil }
        let log = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes)
        log.initialize(repeating: 0, count: bytes)
        add(buffer, UnsafeMutableRawPointer(log))
        add(size, UnsafeMutableRawPointer(bitPattern: bytes))
        return log
    }

    /// What the compiler said, without the terminating NUL.
    var informationText: UnsafeRawBufferPointer { Self.text(infoLog, infoLogSize) }

    /// What it complained about, as far as the client has room.
    var errorText: UnsafeRawBufferPointer { Self.text(errorLog, clientErrorLogSize) }

    /// The same for the server's log: one line.
    var errorLine: String {
        let text = Self.text(errorLog, min(errorLogSize, 500))
        return String(decoding: text.map { $0 == 10 ? 32 : $0 }, as: UTF8.self)
    }

    private static func text(
        _ log: UnsafeMutablePointer<UInt8>?,
        _ size: Int
    ) -> UnsafeRawBufferPointer {
        guard let log else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        var length = 0
        while length < size, log[length] != 0 { length += 1 }
        return UnsafeRawBufferPointer(start: log, count: length)
    }

    func destroy() {
        identifiers.deallocate()
        values.deallocate()
        infoLog?.deallocate()
        errorLog?.deallocate()
    }
}

internal import CLinux
internal import CUDAABI
internal import Driver

/// The options of a call that compiles PTX. Only the logs and the limit of registers mean something
/// here; the rest asks for optimisations or targets and is accepted.
struct JITOptions: @unchecked Sendable {
    private var infoBuffer: UnsafeMutablePointer<CChar>?
    private var infoSize = 0
    private var errorBuffer: UnsafeMutablePointer<CChar>?
    private var errorSize = 0
    private var infoSlot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    private var errorSlot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    private var wallTimeSlot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?

    /// Registers that a thread may have at most, if the program gives a limit.
    private(set) var maximumRegisters: Int?

    private enum Number {
        static let maximumRegisters: Int32 = 0
        static let wallTime: Int32 = 2
        static let infoBuffer: Int32 = 3
        static let infoSize: Int32 = 4
        static let errorBuffer: Int32 = 5
        static let errorSize: Int32 = 6
    }

    /// No options.
    static let none = JITOptions()

    private init() {}

    /// Reads the arrays of a call. The values of sizes are numbers in the place of pointers.
    init(
        count: UInt32,
        options: UnsafePointer<CUjit_option>?,
        values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) throws(Failure) {
        if count == 0 { return }
        let (options, values) = (try required(options), try required(values))
        guard count <= 256 else { throw .invalidValue }
        for index in 0..<Int(count) {
            let slot = values + index
            let number = Int(UInt32(truncatingIfNeeded: UInt(bitPattern: slot.pointee)))
            switch options[index] {
            case Number.maximumRegisters: maximumRegisters = number > 0 ? number : nil
            case Number.wallTime: wallTimeSlot = slot
            case Number.infoBuffer:
                infoBuffer = slot.pointee?.assumingMemoryBound(to: CChar.self)
            case Number.infoSize: (infoSize, infoSlot) = (number, slot)
            case Number.errorBuffer:
                errorBuffer = slot.pointee?.assumingMemoryBound(to: CChar.self)
            case Number.errorSize: (errorSize, errorSlot) = (number, slot)
            default: break
            }
        }
    }

    /// Fills the logs: an empty one for information, and the error if there is one. Sizes become
    /// the bytes written, without the NUL.
    func report(_ failure: CodeFailure?) {
        write("", infoBuffer, infoSize, infoSlot)
        write(failure.map { "error: \($0.text)\n" } ?? "", errorBuffer, errorSize, errorSlot)
        if let wallTimeSlot {
            UnsafeMutableRawPointer(wallTimeSlot).storeBytes(of: 0, as: Float.self)
        }
    }

    private func write(
        _ text: String,
        _ buffer: UnsafeMutablePointer<CChar>?,
        _ size: Int,
        _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) {
        guard let buffer, size > 0 else { return }
        let length = min(text.utf8.count, size - 1)
        text.withCString { _ = memcpy(buffer, $0, length) }
        buffer[length] = 0
        slot?.pointee = UnsafeMutableRawPointer(bitPattern: UInt(length))
    }

    /// Runs something that compiles, and fills the logs with how it ended.
    func compile<T>(_ body: () throws(CodeFailure) -> T) throws(Failure) -> T {
        do {
            let result = try body()
            report(nil)
            return result
        } catch {
            report(error)
            Diagnostics.note("loading code: \(error.text)")
            throw Failure(error.status)
        }
    }
}

internal import CLinux
internal import Driver

/// A kernel's parameters, copied out of the program's memory at the call.
final class LaunchParameters: @unchecked Sendable {
    private let storage: UnsafeMutableRawPointer
    private let count: Int
    private var pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>?

    /// The bytes, laid out as the kernel reads them.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage, count: count) }

    private init(count: Int) {
        self.count = count
        storage = .allocate(byteCount: max(count, 16), alignment: 16)
        memset(storage, 0, max(count, 16))
    }

    deinit {
        storage.deallocate()
        pointers?.deallocate()
    }

    /// An address for each parameter, valid as long as this object. The caller makes sure that no
    /// two threads ask at once.
    func addresses(
        of parameters: [Kernel.Parameter]
    ) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        if pointers == nil, !parameters.isEmpty {
            let list = UnsafeMutablePointer<UnsafeMutableRawPointer?>
                .allocate(capacity: parameters.count)
            for (index, parameter) in parameters.enumerated() {
                (list + index).initialize(to: storage + parameter.offset)
            }
            pointers = list
        }
        return pointers
    }

    /// Copies from what a launch was given: pointers to each parameter, or a laid out buffer.
    static func copy(
        for kernel: Kernel,
        parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) throws(Failure) -> LaunchParameters {
        let copy = LaunchParameters(count: kernel.parameterBytes)
        guard !kernel.parameters.isEmpty else { return copy }
        if let extra {
            guard parameters == nil else { throw .invalidValue }
            try copy.fill(fromExtra: extra)
            return copy
        }
        let parameters = try required(parameters)
        for (index, parameter) in kernel.parameters.enumerated() where parameter.size > 0 {
            let source = try required(parameters[index])
            memcpy(copy.storage + parameter.offset, source, parameter.size)
        }
        return copy
    }

    /// Reads the list of a name and a pointer each, which a zero ends.
    private func fill(
        fromExtra extra: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    ) throws(Failure) {
        let (bufferName, sizeName): (UInt, UInt) = (1, 2)
        var buffer: UnsafeMutableRawPointer?
        var size: Int?
        var position = extra
        while let name = position.pointee {
            let value = try required(position[1])
            switch UInt(bitPattern: name) {
            case bufferName: buffer = value
            case sizeName: size = value.load(as: Int.self)
            default: throw .invalidValue
            }
            position += 2
        }
        guard let buffer, let size, size >= 0 else { throw .invalidValue }
        // NCCL's kernels have 4 KiB of parameters, of which it passes what is in use.
        memcpy(storage, buffer, min(size, count))
    }
}

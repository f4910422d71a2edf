import CLanes

/// A compiled kernel with all it can call. Immutable.
final class Program: @unchecked Sendable {
    let codes: [Code]
    let image: UnsafeMutablePointer<ProgramImage>
    let staticSharedBytes: Int
    /// Where dynamic shared memory starts: the static bytes, aligned.
    let dynamicSharedOffset: Int
    let needsStack: Bool
    /// A plausible number for `cuFuncGetAttribute`.
    let registers: Int

    init(
        codes: [Code],
        addressed: [(module: Int, program: Int)],
        functionCount: Int,
        staticSharedBytes: Int,
        dynamicSharedOffset: Int,
        needsStack: Bool,
        registers: Int
    ) {
        self.codes = codes
        self.staticSharedBytes = staticSharedBytes
        self.dynamicSharedOffset = dynamicSharedOffset
        self.needsStack = needsStack
        self.registers = registers
        let functions = UnsafeMutablePointer<UnsafeMutablePointer<CodeImage>?>.allocate(
            capacity: max(codes.count, 1)
        )
        for (k, code) in codes.enumerated() { (functions + k).initialize(to: code.image) }
        let byAddress = UnsafeMutablePointer<UnsafeMutablePointer<CodeImage>?>.allocate(
            capacity: max(functionCount, 1)
        )
        byAddress.initialize(repeating: nil, count: max(functionCount, 1))
        for (module, program) in addressed { byAddress[module] = codes[program].image }
        image = .allocate(capacity: 1)
        image.initialize(
            to: ProgramImage(
                functions: functions,
                addressed: byAddress,
                addressedCount: functionCount
            )
        )
    }

    deinit {
        image.pointee.functions.deallocate()
        image.pointee.addressed.deallocate()
        image.deallocate()
    }

    /// The kernel itself.
    var entry: UnsafeMutablePointer<CodeImage> { codes[0].image }

    /// Bytes of local variables of the kernel itself.
    var entryLocalBytes: Int { Int(entry.pointee.localBytes) }

    /// "line 12 of 'f'" of an instruction; nil when it is none of this program.
    func place(of instruction: UnsafePointer<LaneInstruction>?) -> String? {
        guard let instruction else { return nil }
        for code in codes {
            let k = instruction - UnsafePointer(code.image.pointee.instructions)
            if k >= 0, k < code.lines.count { return "line \(code.lines[k]) of '\(code.name)'" }
        }
        return nil
    }
}

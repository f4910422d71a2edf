internal import Driver
internal import PTX
package import SoftDevice

/// A cubin, read for what a launch needs to know and not for its instructions: names, parameters
/// and needs of its kernels, names and sizes of its variables.
///
/// It becomes a PTX text that declares the same with empty bodies, so that everything behind it is as
/// for PTX. Variables are zero. The format is in facts/cuda-driver.md §6.1.
package struct MachineCode {
    private struct Kernel {
        var name: String
        var parameters: [(ordinal: Int, offset: Int, size: Int)] = []
        var maxThreads: (UInt32, UInt32, UInt32)?
        var staticShared = 0
    }

    private struct Variable {
        var name: String
        var size: Int
        var isConstant: Bool
    }

    /// The GPU that it was made for: 90 for sm_90.
    private let target: Int
    private var kernels: [Kernel] = []
    private var variables: [Variable] = []

    /// A cubin in memory.
    init(_ image: ImageLayout) throws(CodeFailure) {
        do throws(ImageError) {
            let sections = try ELFSections(image)
            let flags = try sections.flags
            // CUDA 13 moved the number up by a byte.
            let isNew = try sections.operatingSystem == 0x41
            target = Int((isNew ? flags >> 8 : flags) & 0xFF)
            try read(sections)
        } catch {
            throw CodeFailure(error)
        }
    }

    /// What `declarations(for:)` says of the bytes of a cubin.
    package static func declarations(
        in bytes: [UInt8],
        for capability: Configuration.Capability
    ) throws(CodeFailure) -> [UInt8] {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(CodeFailure) in
            guard let start = bytes.baseAddress else { throw CodeFailure(ImageError.notAnImage) }
            let layout: ImageLayout
            do throws(ImageError) {
                layout = try ImageLayout.measure(start, limit: bytes.count)
            } catch {
                throw CodeFailure(error)
            }
            guard layout.kind == .elf else { throw CodeFailure(ImageError.notAnImage) }
            return try MachineCode(layout).declarations(for: capability)
        }
    }

    // MARK: - Reading

    private mutating func read(_ sections: ELFSections) throws(ImageError) {
        var shared: [String: Int] = [:]
        var info: [String: UnsafeRawBufferPointer] = [:]
        var kinds = [SectionKind](repeating: .other, count: sections.count)
        for index in 0..<sections.count {
            let section = try sections.section(index)
            let name = String(decoding: sections.name(of: section), as: UTF8.self)
            if name.hasPrefix(".nv.info.") {
                info[String(name.dropFirst(9))] = section.bytes
            } else if name.hasPrefix(".nv.shared.") {
                shared[String(name.dropFirst(11))] = section.size
            }
            kinds[index] = SectionKind(name)
        }
        for index in 0..<sections.count {
            let table = try sections.section(index)
            guard table.type == ELFSections.SectionType.symbols else { continue }
            try readSymbols(table.bytes, try sections.section(table.link).bytes, kinds)
        }
        for index in kernels.indices {
            let name = kernels[index].name
            kernels[index].staticShared = shared[name] ?? 0
            if let bytes = info[name] { readInfo(bytes, into: &kernels[index]) }
        }
    }

    private enum SectionKind {
        case code, global, constant, other

        init(_ name: String) {
            self =
                if name.hasPrefix(".text.") {
                    .code
                } else if name == ".nv.global" || name == ".nv.global.init" {
                    .global
                } else if name == ".nv.constant3" {
                    .constant
                } else {
                    .other
                }
        }
    }

    private mutating func readSymbols(
        _ table: UnsafeRawBufferPointer,
        _ strings: UnsafeRawBufferPointer,
        _ kinds: [SectionKind]
    ) throws(ImageError) {
        for start in stride(from: 0, to: table.count - table.count % 24, by: 24) {
            let symbol = UnsafeRawBufferPointer(rebasing: table[start..<start + 24])
            let section = Int(symbol.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
            guard section < kinds.count else { continue }
            let offset = Int(symbol.loadUnaligned(as: UInt32.self))
            let bytes = ELFSections.name(at: offset, in: strings)
            guard bytes.isIdentifier else { continue }
            let name = String(decoding: bytes, as: UTF8.self)
            let (type, other) = (symbol[4] & 15, symbol[5])
            let size = symbol.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            guard size <= UInt64(ImageLayout.largest) else { throw .tooLarge }
            switch (kinds[section], type) {
            case (.code, 2) where other & 0x10 != 0: kernels.append(Kernel(name: name))
            case (.global, 1), (.constant, 1):
                let isConstant = kinds[section] == .constant
                variables.append(Variable(name: name, size: Int(size), isConstant: isConstant))
            default: break
            }
        }
    }

    /// Reads a kernel's records. What follows one of unknown format is left out.
    private func readInfo(_ bytes: UnsafeRawBufferPointer, into kernel: inout Kernel) {
        var position = 0
        while position + 4 <= bytes.count {
            let (format, attribute) = (bytes[position], bytes[position + 1])
            let value = Int(bytes.loadUnaligned(fromByteOffset: position + 2, as: UInt16.self))
            position += 4
            guard format == 4 else {
                if format == 0 || format > 4 { return }
                continue
            }
            guard value <= bytes.count - position else { return }
            let payload = UnsafeRawBufferPointer(rebasing: bytes[position..<position + value])
            position += value
            switch (attribute, value) {
            case (0x17, 12):  // a parameter
                let word = payload.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
                kernel.parameters.append(
                    (
                        ordinal: Int(payload.loadUnaligned(fromByteOffset: 4, as: UInt16.self)),
                        offset: Int(payload.loadUnaligned(fromByteOffset: 6, as: UInt16.self)),
                        size: Int(word >> 18)
                    )
                )
            case (0x05, 12):  // threads that a block may have
                kernel.maxThreads = (
                    payload.loadUnaligned(as: UInt32.self),
                    payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                    payload.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
                )
            default: break
            }
        }
    }

    // MARK: - Writing

    /// The PTX text. Variables of one file each can have the same name; the first one has it. Fails when the code is not for a GPU of this capability.
    func declarations(for capability: Configuration.Capability) throws(CodeFailure) -> [UInt8] {
        guard target / 10 == capability.major, target <= capability.number else {
            throw CodeFailure(
                Status.noBinaryForGPU,
                "machine code for sm_\(target) does not run on compute capability "
                    + "\(capability.major).\(capability.minor)"
            )
        }
        var text = ".version 8.5\n.target sm_\(target)\n.address_size 64\n"
        var names: Set<String> = []
        for variable in variables where variable.size > 0 && names.insert(variable.name).inserted {
            let space = variable.isConstant ? ".const" : ".global"
            text += ".visible \(space) .align 16 .b8 \(variable.name)[\(variable.size)];\n"
        }
        for kernel in kernels {
            text += ".visible .entry \(kernel.name)(\n"
            text += try Self.parameters(kernel) + ")\n"
            if let (x, y, z) = kernel.maxThreads { text += ".maxntid \(x), \(y), \(z)\n" }
            text += "{\n"
            if kernel.staticShared > 0 {
                text += ".shared .align 16 .b8 shared[\(kernel.staticShared)];\n"
            }
            text += "ret;\n}\n"
        }
        return Array(text.utf8)
    }

    /// What the names of parameters begin with that only fill the space between two others, so that each
    /// comes to lie where the machine code reads it.
    static let filler = "%filler"

    private static func parameters(_ kernel: Kernel) throws(CodeFailure) -> String {
        var lines: [String] = []
        var end = 0
        for parameter in kernel.parameters.sorted(by: { $0.ordinal < $1.ordinal }) {
            guard parameter.size > 0, parameter.offset >= end else {
                throw CodeFailure(
                    Status.invalidImage,
                    "kernel '\(kernel.name)': parameter \(parameter.ordinal) of \(parameter.size) bytes "
                        + "lies at \(parameter.offset), after \(end)"
                )
            }
            if parameter.offset > end {
                let gap = parameter.offset - end
                lines.append(".param .align 1 .b8 \(filler)\(parameter.ordinal)[\(gap)]")
            }
            lines.append(".param .align 1 .b8 p\(parameter.ordinal)[\(parameter.size)]")
            end = parameter.offset + parameter.size
        }
        return lines.joined(separator: ",\n")
    }
}

extension Syntax.Function {
    /// The parameters that a launch has.
    var launchParameters: [Kernel.Parameter] {
        parameters.compactMap {
            $0.name.hasPrefix(MachineCode.filler)
                ? nil : Kernel.Parameter(offset: $0.offset, size: $0.size)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether it is a name that PTX can spell.
    fileprivate var isIdentifier: Bool {
        guard let first, !(0x30...0x39).contains(first), count <= 4096 else { return false }
        return allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte) || byte == 0x5F || byte == 0x24
        }
    }
}

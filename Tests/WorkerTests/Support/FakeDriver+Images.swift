import CUDAABI
import Foundation
import Worker

private var fake: FakeDriver { .shared }

extension FakeDriver {
    /// Fills the information log that a caller gave, if any.
    private static func log(
        _ text: String,
        _ count: UInt32,
        _ options: UnsafeMutablePointer<CUjit_option>?,
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) {
        guard let options, let values else { return }
        for index in 0..<Int(count) {
            fake.optionsSeen.append(options[index])
            guard options[index] == 3, let buffer = values[index] else { continue }
            for (position, byte) in text.utf8.enumerated() {
                buffer.storeBytes(of: byte, toByteOffset: position, as: UInt8.self)
            }
        }
    }

    private static func isLoadable(_ data: UnsafeRawPointer?) -> Bool {
        data.map { memcmp($0, "//bad", 5) != 0 } ?? false
    }

    static func addImages(_ table: inout DriverTable) {
        table.cuLibraryLoadData = { library, data, options, values, count, _, _, _ in
            fake.note("cuLibraryLoadData") {
                FakeDriver.log("compiled", count, options, values)
                guard FakeDriver.isLoadable(data) else { return 218 }
                library?.pointee = fake.makeObject(FakeEvent())
                return 0
            }
        }
        table.cuModuleLoadDataEx = { module, data, count, options, values in
            fake.note("cuModuleLoadDataEx") {
                FakeDriver.log("compiled", count, options, values)
                guard FakeDriver.isLoadable(data) else { return 218 }
                module?.pointee = fake.makeObject(FakeEvent())
                return 0
            }
        }
        table.cuLibraryUnload = { _ in fake.note("cuLibraryUnload") { 0 } }
        table.cuModuleUnload = { _ in fake.note("cuModuleUnload") { 0 } }
        addKernels(&table)
        addGlobals(&table)
        addLinker(&table)
    }

    private static func addKernels(_ table: inout DriverTable) {
        table.cuLibraryGetKernelCount = { count, _ in
            count?.pointee = UInt32(FakeDriver.kernels.count)
            return 0
        }
        table.cuModuleGetFunctionCount = table.cuLibraryGetKernelCount
        table.cuLibraryEnumerateKernels = { list, count, _ in
            for index in 0..<Int(count) { list?[index] = FakeDriver.kernel(index) }
            return 0
        }
        table.cuModuleEnumerateFunctions = table.cuLibraryEnumerateKernels
        table.cuKernelGetName = { name, kernel in
            name?.pointee = kernelNames[Int(UInt(bitPattern: kernel) & 0xFF)]
            return 0
        }
        table.cuFuncGetName = table.cuKernelGetName
        table.cuKernelGetParamInfo = { kernel, index, offset, size in
            guard let parameter = FakeDriver.parameter(kernel, index) else { return 1 }
            offset?.pointee = parameter.0
            size?.pointee = parameter.1
            return 0
        }
        table.cuFuncGetParamInfo = table.cuKernelGetParamInfo
        table.cuKernelGetAttribute = { value, attribute, _, _ in
            value?.pointee = attribute + 100
            return attribute < 10 ? 0 : 1
        }
        table.cuFuncGetAttribute = { value, attribute, _ in
            value?.pointee = attribute + 200
            return 0
        }
    }

    private static func addGlobals(_ table: inout DriverTable) {
        table.cuModuleGetGlobal_v2 = { address, bytes, _, name in
            fake.note("global \(name.map { String(cString: $0) } ?? "")") {
                guard let name, String(cString: name) == "counter" else { return 500 }
                address?.pointee = fake.allocate(64)
                bytes?.pointee = 64
                return 0
            }
        }
        table.cuLibraryGetGlobal = table.cuModuleGetGlobal_v2
    }

    private static func addLinker(_ table: inout DriverTable) {
        table.cuLinkCreate_v2 = { count, options, values, state in
            fake.note("cuLinkCreate") {
                FakeDriver.log("linked", count, options, values)
                state?.pointee = fake.makeObject(FakeEvent())
                return 0
            }
        }
        table.cuLinkAddData_v2 = { _, type, data, size, name, _, _, _ in
            let text = name.map { String(cString: $0) } ?? ""
            return fake.note("cuLinkAddData \(type) \(size) \(text)") { 0 }
        }
        table.cuLinkComplete = { _, data, size in
            fake.note("cuLinkComplete") {
                guard let image = malloc(1000) else { return 2 }
                memset(image, 7, 1000)
                data?.pointee = image
                size?.pointee = 1000
                return 0
            }
        }
        table.cuLinkDestroy = { _ in fake.note("cuLinkDestroy") { 0 } }
    }
}

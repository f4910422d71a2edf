import CLinux
import CUDAABI
import SoftGPU
import Testing

@Suite("Code that the software GPU loads")
struct CodeTests {
    /// Loads text with a log for errors.
    private func load(_ text: String) -> (status: CUresult, log: String) {
        var options: [Int32] = [5, 6]
        var log = [CChar](repeating: 1, count: 200)
        var status: CUresult = -1
        var length = 0
        log.withUnsafeMutableBufferPointer { buffer in
            var values: [UnsafeMutableRawPointer?] = [
                UnsafeMutableRawPointer(buffer.baseAddress), .init(bitPattern: 200),
            ]
            var module: OpaquePointer?
            status = text.withCString {
                SoftCalls.cuModuleLoadDataEx(&module, $0, 2, &options, &values)
            }
            length = Int(bitPattern: values[1])
        }
        #expect(length < 200 && log[length] == 0)
        return (
            status, String(decoding: log[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        )
    }

    @Test func errorsAreLogged() throws {
        try Harness.inContext { _ in
            let (status, log) = load(
                Kernels.head + ".visible .entry k() { add.nonsense %r1; ret; }"
            )
            #expect(status == 218)
            #expect(log.contains("nonsense"))
            #expect(load(Kernels.append).status == 0)
            #expect(load(Kernels.append).log.isEmpty)
        }
    }

    @Test(arguments: [
        (".version 99.0\n.target sm_75\n.address_size 64\n", 222),
        (".version 8.0\n.target sm_990\n.address_size 64\n", 209),
        (".version 8.0\n.target sm_90a\n.address_size 64\n", 209),
        ("no PTX at all", 218), ("\u{1}\u{2}", 200), ("\u{7F}ELF\u{2}\u{1}", 200),
    ])
    func otherErrorsHaveCodesOfTheirOwn(text: String, status: Int) throws {
        try Harness.inContext { _ in
            #expect(load(text).status == CUresult(status))
        }
    }

    @Test(arguments: [
        "wgmma.fence.sync.aligned", "tcgen05.wait::ld.sync.aligned",
        "wgmma.commit_group.sync.aligned",
    ])
    func codeForLaterChipsIsRefusedByName(instruction: String) throws {
        try Harness.inContext { _ in
            let head = ".version 8.6\n.target sm_90\n.address_size 64\n"
            let later = ".visible .entry later() { \(instruction); ret; }\n"
            let (status, log) = load(head + later)
            #expect(status == 218)
            #expect(log.contains("'\(instruction)' is not supported"))
            // Beside a kernel that runs it is refused when it is used.
            #expect(load(head + later + ".visible .entry k() { ret; }\n").status == 0)
        }
    }

    @Test(arguments: ["sm_120a", "sm_120f", "sm_75"])
    func targetsOfThisGPUAreTaken(target: String) throws {
        try Harness.inContext { _ in
            #expect(load(".version 9.0\n.target \(target)\n.address_size 64\n").status == 0)
        }
    }

    @Test func libraryKernelsNeedNoContextToBeFound() throws {
        #expect(Harness.isStarted)
        try Harness.check(SoftCalls.cuCtxSetCurrent(nil))
        var (library, kernel): (OpaquePointer?, OpaquePointer?) = (nil, nil)
        let loaded = Kernels.append.withCString {
            SoftCalls.cuLibraryLoadData(&library, $0, nil, nil, 0, nil, nil, 0)
        }
        try Harness.check(loaded)
        try Harness.check(SoftCalls.cuLibraryGetKernel(&kernel, library, "append"))
        #expect(SoftCalls.cuLibraryGetKernel(&kernel, library, "other") == 500)
        var (offset, size) = (0, 0)
        try Harness.check(SoftCalls.cuKernelGetParamInfo(kernel, 1, &offset, &size))
        #expect((offset, size) == (8, 8))
        #expect(SoftCalls.cuKernelGetParamInfo(kernel, 2, &offset, &size) == 1)
        let found = try #require(kernel)
        for device: Int32 in 0..<2 {
            try Harness.inContext(of: device) { _ in
                let list = try Harness.allocate(64)
                try Harness.check(SoftCalls.cuMemsetD32_v2(list, 0, 16))
                try Harness.check(Harness.launch(found, [list, 3]))
                #expect(try Harness.read(list, count: 2) == [1, 3])
            }
        }
        try Harness.check(SoftCalls.cuLibraryUnload(library))
        #expect(SoftCalls.cuLibraryUnload(library) == 400)
    }

    @Test func linkedTextsAreOneModule() throws {
        let caller =
            Kernels.head + """
                .extern .func (.param .b32 result) twice (.param .b32 value);
                .visible .entry use(.param .u64 target)
                {
                    .reg .b64 %rd<2>;
                    .reg .b32 %r<2>;
                    ld.param.u64 %rd1, [target];
                    {
                        .param .b32 value;
                        .param .b32 result;
                        st.param.b32 [value], 21;
                        call.uni (result), twice, (value);
                        ld.param.b32 %r1, [result];
                    }
                    st.global.u32 [%rd1], %r1;
                    ret;
                }
                """
        let callee =
            Kernels.head + """
                .visible .func (.param .b32 result) twice (.param .b32 value)
                {
                    .reg .b32 %r<2>;
                    ld.param.b32 %r1, [value];
                    add.u32 %r1, %r1, %r1;
                    st.param.b32 [result], %r1;
                    ret;
                }
                """
        try Harness.inContext { _ in
            var image = try link([caller, callee])
            var (module, function): (OpaquePointer?, OpaquePointer?) = (nil, nil)
            try Harness.check(SoftCalls.cuModuleLoadData(&module, image))
            try Harness.check(SoftCalls.cuModuleGetFunction(&function, module, "use"))
            let target = try Harness.allocate(4)
            try Harness.check(Harness.launch(try #require(function), [target]))
            #expect(try Harness.read(target, count: 1) == [42])
            image[16 + 4] = 0xFF
            #expect(SoftCalls.cuModuleLoadData(&module, image) == 200)
        }
    }

    /// The linker's limit holds for what it makes, and `.maxnreg` for its kernel.
    @Test func registersAreNotMoreThanAllowed() throws {
        let text =
            Kernels.head + """
                .visible .entry k(.param .u64 p) .maxnreg 24
                { .reg .b64 %rd<200>; LOADS ret; }
                """
        let loads = (0..<100).map { "ld.param.u64 %rd\($0), [p]; st.global.u64 [%rd\($0)], %rd0;" }
        let free = text.replacing("LOADS", with: loads.joined(separator: "\n"))
        let cases: [(String, Int?, Int32)] = [
            (free, nil, 24), (free, 16, 16), (free.replacing(".maxnreg 24", with: ""), 40, 40),
        ]
        for (text, limit, registers) in cases {
            try Harness.inContext { _ in
                let image = try link([text], maximumRegisters: limit)
                var (module, function): (OpaquePointer?, OpaquePointer?) = (nil, nil)
                try Harness.check(SoftCalls.cuModuleLoadData(&module, image))
                try Harness.check(SoftCalls.cuModuleGetFunction(&function, module, "k"))
                var value: Int32 = 0
                try Harness.check(SoftCalls.cuFuncGetAttribute(&value, 4, function))
                #expect(value == registers)
            }
        }
    }

    /// What cooperative groups call where the compiler does not expand them, beside a static
    /// library that has code for NVIDIA's GPUs only: each block sees what all have written.
    @Test(arguments: [true, false])
    func gridsWaitByTheDeviceRuntimesFunctions(isCooperative: Bool) throws {
        try Harness.inContext { _ in
            let image = try link([Kernels.gridSums], libraries: [Array("!<arch>\n".utf8)])
            var (module, function): (OpaquePointer?, OpaquePointer?) = (nil, nil)
            try Harness.check(SoftCalls.cuModuleLoadData(&module, image))
            try Harness.check(SoftCalls.cuModuleGetFunction(&function, module, "sums"))
            let (blocks, threads): (UInt32, UInt32) = (12, 64)
            let values = try Harness.allocate(Int(blocks) * 4)
            let sums = try Harness.allocate(Int(blocks) * 4)
            try Harness.check(SoftCalls.cuMemsetD32_v2(values, 0, Int(blocks)))
            let status = Harness.launch(
                try #require(function),
                grid: blocks,
                block: threads,
                [values, sums],
                cooperative: isCooperative
            )
            try Harness.check(status)
            let ended = SoftCalls.cuCtxSynchronize()
            guard isCooperative else {
                // It would wait for blocks that need not run at the same time.
                #expect(ended == 719)
                return
            }
            try Harness.check(ended)
            let all = blocks * (blocks + 1) / 2
            #expect(try Harness.read(sums, count: Int(blocks)).allSatisfy { $0 == all })
        }
    }

    /// Links texts and libraries and copies what comes out; sizes do not count a NUL.
    private func link(
        _ texts: [String],
        libraries: [[UInt8]] = [],
        maximumRegisters: Int? = nil
    ) throws -> [UInt8] {
        var state: OpaquePointer?
        var options: [Int32] = [0]
        var values = [UnsafeMutableRawPointer(bitPattern: UInt(maximumRegisters ?? 0))]
        let count: UInt32 = maximumRegisters == nil ? 0 : 1
        try Harness.check(SoftCalls.cuLinkCreate_v2(count, &options, &values, &state))
        defer { _ = SoftCalls.cuLinkDestroy(state) }
        let inputs = texts.map { (Array($0.utf8), Int32(1)) } + libraries.map { ($0, Int32(4)) }
        for (input, kind) in inputs {
            var bytes = input
            let status = bytes.withUnsafeMutableBytes {
                SoftCalls.cuLinkAddData_v2(state, kind, $0.baseAddress, $0.count, "x", 0, nil, nil)
            }
            try Harness.check(status)
        }
        var (pointer, size): (UnsafeMutableRawPointer?, Int) = (nil, 0)
        try Harness.check(SoftCalls.cuLinkComplete(state, &pointer, &size))
        return Array(UnsafeRawBufferPointer(start: pointer, count: size))
    }
}

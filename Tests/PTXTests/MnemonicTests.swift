import PTX
import Testing

@Suite struct MnemonicTests {
    private func mnemonic(_ name: String) throws -> Syntax.Mnemonic {
        try #require(try body(name + ";").mnemonics.first)
    }

    @Test func partsAreSorted() throws {
        let load = try mnemonic("ld.volatile.global.v4.f32")
        #expect(load.opcode == .ld)
        #expect(load.modifiers == [.volatile, .global, .v4])
        #expect(load.types == [.f32])
        #expect(load.shape == nil)
        #expect(load.has(.v4))
        #expect(!load.has(.v2))
        let convert = try mnemonic("cvt.rni.ftz.sat.s8.f32")
        #expect(convert.types == [.s8, .f32])
        #expect(convert.modifiers == [.rni, .ftz, .sat])
        let multiply = try mnemonic("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32.satfinite")
        #expect(multiply.shape == Syntax.Shape(m: 16, n: 8, k: 32))
        #expect(multiply.types == [.s32, .u8, .s8, .s32])
        #expect(multiply.modifiers == [.sync, .aligned, .row, .col, .satfinite])
        let matrix = try mnemonic("ldmatrix.sync.aligned.m8n8.x4.trans.shared::cta.b16")
        #expect(matrix.shape == Syntax.Shape(m: 8, n: 8, k: 0))
        #expect(matrix.modifiers == [.sync, .aligned, .x4, .trans, .sharedCta])
    }

    @Test(arguments: [
        "tex.2d.v4.f32.f32", "suld.b.a2d.v2.b32.trap",
        "wmma.store.d.sync.aligned.row.m16n16k16.f32",
        "atom.acq_rel.gpu.global.cas.b128", "red.relaxed.sys.global.add.noftz.bf16x2",
        "cp.async.cg.shared.global.L2::cache_hint.L2::128B",
        "mbarrier.try_wait.parity.acquire.cta.b64",
        "fence.proxy.tensormap::generic.acquire.gpu", "fence.mbarrier_init.release.cluster",
        "barrier.cluster.arrive.release.aligned", "setmaxnreg.inc.sync.aligned.u32",
        "tcgen05.ld.sync.aligned.32x32b.x128.pack::16b.b32", "min.NaN.xorsign.abs.bf16x2",
        "createpolicy.fractional.L2::evict_last.L2::evict_unchanged.b64", "elect.sync",
        "cvt.rn.satfinite.relu.e4m3x2.f16x2", "match.all.sync.b64", "lop3.or.b32",
        "vabsdiff4.u32.u32.u32.add", "dp2a.lo.s32.u32", "shf.l.wrap.b32", "redux.sync.xor.b32",
        "mul.wide.u16", "set.ltu.and.ftz.f32.f16x2", "txq.num_mipmap_levels.b32",
        "clusterlaunchcontrol.query_cancel.get_first_ctaid::x.b32.b128", "bar.red.popc.u32",
    ])
    func isKnown(name: String) throws {
        #expect(try mnemonic(name).name == name)
    }

    @Test func everyWordIsFound() throws {
        for opcode in Syntax.Opcode.allCases where opcode != .call {
            #expect(try mnemonic(opcode.rawValue).opcode == opcode)
        }
        for modifier in Syntax.Modifier.allCases {
            #expect(try mnemonic("add.\(modifier.rawValue)").modifiers == [modifier])
        }
        for type in Syntax.ScalarType.allCases {
            #expect(try mnemonic("add.\(type.rawValue)").types == [type])
        }
    }

    @Test func eachNameIsThereOnce() throws {
        let body = try body(
            ".reg .b32 x; mov.b32 x, 1; add.s32 x, x, 1; mov.b32 x, 2; mov .b32 x, 3; mov .b32 x, 4;"
        )
        #expect(body.mnemonics.map(\.name).filter { $0 == "mov.b32" }.count <= 2)
        #expect(
            body.instructions.map { body.mnemonic($0).name } == [
                "mov.b32", "add.s32", "mov.b32", "mov.b32", "mov.b32",
            ]
        )
        #expect(body.instructions.allSatisfy { body.mnemonic($0).types.count == 1 })
    }

    @Test(arguments: [
        ("frobnicate.s32 x;", "line 1: unknown instruction 'frobnicate.s32'"),
        ("add.frob;", "line 1: unknown modifier '.frob' of 'add.frob'"),
        ("mma.m16;", "line 1: unknown modifier '.m16' of 'mma.m16'"),
        ("mma.m16n8k;", "line 1: unknown modifier '.m16n8k' of 'mma.m16n8k'"),
        ("mma.m16n99999;", "line 1: unknown modifier '.m16n99999' of 'mma.m16n99999'"),
        ("add::x.s32;", "line 1: unknown instruction 'add::x.s32'"),
    ])
    func refused(source: String, message: String) {
        #expect(failure(source) == message)
    }
}

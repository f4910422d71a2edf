import PTX

/// The functions of CUDA's device runtime library that programs link with as machine code
/// (`libcudadevrt.a`), as PTX of our own.
///
/// `cudaCGGetIntrinsicHandle` and `cudaCGSynchronize` are what cooperative groups are made of where
/// a compiler does not expand them itself: the grid's handle is the address of the workspace that a
/// cooperative launch sets up (`%envreg1`, `%envreg2`), zero in any other launch. A block arrives by
/// adding to the workspace's second word, block 0 what makes the sum of all turn the sign bit; each
/// waits until that bit differs from what it was at its own arrival.
enum DeviceRuntimeText {
    /// The functions in `text`.
    static let names: Set<String> = ["cudaCGGetIntrinsicHandle", "cudaCGSynchronize"]

    /// The library, parsed, when one of the units declares a function of it that none defines.
    static func needed(by units: [Syntax.Module]) -> Syntax.Module? {
        var declared: Set<String> = []
        var defined: Set<String> = []
        for unit in units {
            for function in unit.functions where names.contains(function.name) {
                if function.hasBody {
                    defined.insert(function.name)
                } else {
                    declared.insert(function.name)
                }
            }
        }
        return declared.isSubset(of: defined) ? nil : library
    }

    private static let library = try? Syntax.Module(Array(text.utf8))

    /// `cudaCGScopeGrid` is 1; there is no handle for other scopes. To wait for a grid that was not
    /// launched cooperatively is an error that ends the kernel.
    static let text = """
        .version 8.0
        .target sm_75
        .address_size 64

        .weak .func (.param .b64 handle) cudaCGGetIntrinsicHandle(.param .b32 scope)
        {
            .reg .pred %p;
            .reg .b32 %r<4>;
            .reg .b64 %rd<2>;
            mov.u32 %r1, %envreg1;
            mov.u32 %r2, %envreg2;
            mov.b64 %rd1, {%r2, %r1};
            ld.param.u32 %r3, [scope];
            setp.ne.u32 %p, %r3, 1;
            @%p mov.u64 %rd1, 0;
            st.param.b64 [handle], %rd1;
            ret;
        }

        .weak .func (.param .b32 status) cudaCGSynchronize(.param .b64 handle, .param .b32 flags)
        {
            .reg .pred %p<4>;
            .reg .b32 %r<14>;
            .reg .b64 %rd<2>;
            ld.param.u64 %rd1, [handle];
            setp.ne.u64 %p1, %rd1, 0;
            @%p1 bra arrive;
            trap;
        arrive:
            barrier.sync 0;
            mov.u32 %r1, %tid.x;
            mov.u32 %r2, %tid.y;
            mov.u32 %r3, %tid.z;
            or.b32 %r1, %r1, %r2;
            or.b32 %r1, %r1, %r3;
            setp.ne.u32 %p2, %r1, 0;
            @%p2 bra done;
            mov.u32 %r4, %nctaid.x;
            mov.u32 %r5, %nctaid.y;
            mov.u32 %r6, %nctaid.z;
            mul.lo.u32 %r4, %r4, %r5;
            mul.lo.u32 %r4, %r4, %r6;
            mov.u32 %r7, %ctaid.x;
            mov.u32 %r8, %ctaid.y;
            mov.u32 %r9, %ctaid.z;
            or.b32 %r7, %r7, %r8;
            or.b32 %r7, %r7, %r9;
            sub.u32 %r10, 0x80000001, %r4;
            setp.eq.u32 %p3, %r7, 0;
            selp.b32 %r10, %r10, 1, %p3;
            atom.add.acq_rel.gpu.u32 %r11, [%rd1+4], %r10;
        wait:
            ld.acquire.gpu.u32 %r12, [%rd1+4];
            xor.b32 %r13, %r12, %r11;
            setp.ge.s32 %p3, %r13, 0;
            @%p3 bra wait;
        done:
            barrier.sync 0;
            st.param.b32 [status], 0;
            ret;
        }
        """
}

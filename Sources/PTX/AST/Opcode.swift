extension Syntax {
    /// The first part of an instruction's name; the raw value is its spelling. An instruction
    /// whose first part is none of these is an error of the parser.
    public enum Opcode: String, CaseIterable, Sendable {
        // Integer arithmetic.
        case add, sub, mul, mad, mul24, mad24, sad, div, rem, abs, neg, min, max
        case popc, clz, bfind, fns, brev, bfe, bfi, bmsk, szext, dp4a, dp2a
        case addc, subc, madc
        // Floating point.
        case testp, copysign, fma, rcp, sqrt, rsqrt, sin, cos, lg2, ex2, tanh
        // Comparison and selection.
        case set, setp, selp, slct
        // Logic and shift.
        case and, or, xor, not, cnot, lop3, shf, shl, shr
        // Data movement and conversion.
        case mov, shfl, prmt, ld, ldu, st, prefetch, prefetchu, applypriority, discard
        case createpolicy, isspacep, cvta, cvt, mapa, getctarank, cp, multimem, tensormap
        // Textures and surfaces.
        case tex, tld4, txq, istypep, suld, sust, sured, suq
        // Control flow.
        case bra, brx, call, ret, exit
        // Synchronisation and communication.
        case bar, barrier, membar, fence, atom, red, vote, match, activemask, redux
        case griddepcontrol, elect, mbarrier, clusterlaunchcontrol
        // Matrices.
        case wmma, mma, ldmatrix, stmatrix, movmatrix, wgmma, tcgen05
        // Stack.
        case stacksave, stackrestore, alloca
        // Video.
        case vadd, vsub, vabsdiff, vmin, vmax, vshl, vshr, vmad, vset
        case vadd2, vsub2, vavrg2, vabsdiff2, vmin2, vmax2, vset2
        case vadd4, vsub4, vavrg4, vabsdiff4, vmin4, vmax4, vset4
        // The rest.
        case brkpt, nanosleep, pmevent, trap, setmaxnreg
    }
}

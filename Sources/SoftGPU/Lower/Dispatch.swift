import CLanes
import Lanes
import PTX

extension FunctionLowering {
    /// Lowers the current instruction by its family.
    mutating func lowerInstruction() throws(CompileError) {
        switch name.opcode {
        case .add, .sub, .mul, .mad, .mul24, .mad24, .sad, .div, .rem, .abs, .neg, .min, .max,
            .addc, .subc, .madc, .fma, .rcp, .sqrt, .rsqrt, .sin, .cos, .lg2, .ex2, .tanh,
            .copysign, .testp, .dp4a, .dp2a:
            try lowerArithmetic()
        case .and, .or, .xor, .not, .cnot, .lop3, .shf, .shl, .shr, .popc, .clz, .bfind, .fns,
            .brev, .bfe, .bfi, .bmsk, .szext, .prmt:
            try lowerBits()
        case .set, .setp, .selp, .slct: try lowerComparison()
        case .mov, .cvta, .isspacep, .cvt, .mapa, .getctarank: try lowerMove()
        case .ld, .ldu, .st, .prefetch, .prefetchu, .applypriority, .discard, .createpolicy, .cp:
            try lowerMemory()
        case .atom, .red: try lowerAtomic()
        case .bra, .brx, .call, .ret, .exit, .trap, .brkpt, .nanosleep, .pmevent, .bar, .barrier,
            .stacksave, .stackrestore, .alloca, .setmaxnreg:
            try lowerControl()
        case .membar, .fence, .griddepcontrol: try lowerFence()
        case .shfl, .vote, .match, .activemask, .redux, .elect: try lowerWarp()
        case .mbarrier: try lowerMbarrier()
        case .vadd, .vsub, .vabsdiff, .vmin, .vmax, .vadd2, .vsub2, .vavrg2, .vabsdiff2, .vmin2,
            .vmax2, .vadd4, .vsub4, .vavrg4, .vabsdiff4, .vmin4, .vmax4:
            try lowerVideo()
        case .mma, .wmma: try lowerMatrix()
        case .ldmatrix, .stmatrix, .movmatrix: try lowerMatrixRows()
        case .tex, .tld4: try lowerTexture()
        case .suld, .sust: try lowerSurface()
        case .txq, .suq: try lowerTextureQuery()
        // No address is one of several GPUs here (attribute 132 is 0), so none can be reached.
        case .multimem: append(control(.multicast))
        default: throw unsupported()
        }
    }
}

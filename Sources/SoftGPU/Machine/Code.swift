import CLanes

/// What a control instruction does; `LaneInstruction.kind`. 0 calls the handler.
enum Control: UInt8 {
    case handler = 0
    /// To instruction `aux`.
    case jump
    /// To instruction `aux` where the guard holds.
    case branch
    /// A label: lanes that wait here join.
    case join
    /// Back to the caller where the guard holds; in an entry like `exit`.
    case ret
    case exit
    /// Call site `aux`.
    case call
    /// To the `aux`-th branch table's a-th entry.
    case branchTable
    /// A barrier of the block; `mode` is a `BarrierKind`, a the number, b the count or −1, d the
    /// result, c the predicate, `aux` 1 when it is negated.
    case barrier
    /// A handler whose lanes wait for the others of the mask at a, or `immediate` when a < 0.
    case synchronized
    /// `bar.warp.sync` with the mask at a.
    case warpBarrier
    /// `trap`, `brkpt`
    case trap
    /// `multimem`: an access by way of a multicast object, of which there are none.
    case multicast
    /// `nanosleep`: others may run.
    case yield
    /// d (64 bits when `mode` is 1, else 32) = the running function's local base + `immediate`.
    case localAddress
    /// `alloca`: d = address of a bytes more local memory, aligned to `immediate`.
    case allocateLocal
    /// `stacksave`, `stackrestore`
    case saveStack, restoreStack
}

/// What a barrier does with the lanes that arrive.
enum BarrierKind: UInt8 {
    case sync, arrive, reduceCount, reduceAnd, reduceOr
}

/// An object in a frame that holds a value per lane, lane after lane: an argument, a result, or a
/// register.
struct LaneObject {
    var offset: Int32
    var bytes: Int32
}

/// A call as the machine sees it.
struct CallSite {
    /// Index of the function in `ProgramImage.functions`, or −1.
    var function: Int32 = -1
    /// Offset of the register with the function's address, or −1.
    var register: Int32 = -1
    /// The built-in function, or `.none`.
    var builtin: Builtin = .none
    var arguments: UnsafeMutablePointer<LaneObject>?
    var argumentCount: Int32 = 0
    var results: UnsafeMutablePointer<LaneObject>?
    var resultCount: Int32 = 0
}

/// Functions that the machine provides.
enum Builtin: UInt8 {
    case none, vprintf, malloc, free, assertFail, setConditional
}

/// A special register that a frame holds.
struct SpecialSlot {
    var kind: Special
    var offset: Int32
}

/// Special registers whose values a frame holds as lanes.
enum Special: UInt8 {
    case tidX, tidY, tidZ, ntidX, ntidY, ntidZ
    case ctaidX, ctaidY, ctaidZ, nctaidX, nctaidY, nctaidZ
    case laneid, warpid, nwarpid, smid, nsmid, gridid
    case lanemaskEq, lanemaskLe, lanemaskLt, lanemaskGe, lanemaskGt
    case dynamicSharedBytes, totalSharedBytes
    case gridWorkspaceHigh, gridWorkspaceLow
    case zero, one

    /// Whether it changes from block to block.
    var isPerBlock: Bool {
        switch self {
        case .ctaidX, .ctaidY, .ctaidZ, .smid: true
        default: false
        }
    }
}

/// A lowered function as the machine runs it: plain memory, owned by a `Code`.
struct CodeImage {
    var instructions: UnsafeMutablePointer<LaneInstruction>
    var instructionCount: Int32
    /// For each instruction, when lanes that wait there may go on before others: see `convergenceOrder`.
    var order: UnsafeMutablePointer<Int32>
    /// Bytes of a frame, and of its leading part that is copied from the template.
    var frameBytes: Int32
    var templateBytes: Int32
    var template: UnsafeMutableRawPointer
    var specials: UnsafeMutablePointer<SpecialSlot>
    var specialCount: Int32
    /// Bytes of local variables.
    var localBytes: Int32
    var calls: UnsafeMutablePointer<CallSite>
    /// Branch tables: the entries of all, and where each starts; one more start than tables.
    var tableEntries: UnsafeMutablePointer<Int32>
    var tableStarts: UnsafeMutablePointer<Int32>
    var parameters: UnsafeMutablePointer<LaneObject>
    var parameterCount: Int32
    var results: UnsafeMutablePointer<LaneObject>
    var resultCount: Int32
    /// Index in the program, for messages.
    var index: Int32
}

/// The order in which parts of a warp that diverged are run: at each time the one whose instruction
/// has the least value here. It is the place of the instruction, so that lanes which have got further
/// wait for those behind them; but where a backward jump leads to, the place of the last such jump.
///
/// So who is through with an iteration of a loop, or of a loop in it, waits until the others are.
/// Programs depend on it: CuPy's partition reads in the next iteration what other lanes of the warp
/// write in this one, without a synchronisation, as hardware that joins lanes at the branch's
/// post-dominator lets them.
func convergenceOrder(of instructions: [LaneInstruction]) -> [Int32] {
    var order = instructions.indices.map { Int32($0) }
    for (place, instruction) in instructions.enumerated() {
        let kind = Control(rawValue: instruction.kind)
        guard kind == .jump || kind == .branch else { continue }
        let target = Int(instruction.aux)
        if target <= place { order[target] = max(order[target], Int32(place)) }
    }
    return order
}

/// Owns the memory of a `CodeImage`.
final class Code: @unchecked Sendable {
    let name: String
    let image: UnsafeMutablePointer<CodeImage>
    /// The PTX line of each instruction.
    let lines: [Int32]
    private let owned: [UnsafeMutableRawPointer]

    init(name: String, image: CodeImage, lines: [Int32], owned: [UnsafeMutableRawPointer]) {
        self.name = name
        self.image = .allocate(capacity: 1)
        self.image.initialize(to: image)
        self.lines = lines
        self.owned = owned
    }

    deinit {
        for pointer in owned { pointer.deallocate() }
        image.deallocate()
    }
}

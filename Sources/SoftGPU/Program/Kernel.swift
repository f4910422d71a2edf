import PTX

/// A kernel of a loaded module. Safe to use from any thread.
public final class Kernel: @unchecked Sendable {
    /// A parameter's place in the parameter block, in bytes.
    public struct Parameter: Sendable, Equatable {
        /// Bytes from the start of the block.
        public let offset: Int
        /// Bytes.
        public let size: Int
    }

    /// The name as in the PTX text.
    public let name: String
    /// The parameters in order.
    public let parameters: [Parameter]
    /// Bytes of the parameter block.
    public let parameterBytes: Int
    /// Threads that a block may have: of `.maxntid` or `.reqntid`, else 1024.
    public let maxThreadsPerBlock: Int
    /// Blocks of that size that a multiprocessor must hold at once (`.minnctapersm`), else 1.
    public let minBlocksPerMultiprocessor: Int
    /// The extents that a block must have (`.reqntid`), if any.
    public let requiredThreads: Dimensions?
    /// The PTX version times ten: 85 for 8.5.
    public let ptxVersion: Int
    /// The architecture that the text was made for: 75 for sm_75.
    public let target: Int

    private let linked: LinkedModule
    private let number: Int
    private let maximumRegisters: Int?
    private let lock = Lock()
    private var outcome: Result<Program, CompileError>?

    init(
        linked: LinkedModule,
        number: Int,
        function: Syntax.Function,
        unit: Syntax.Module,
        maximumRegisters: Int?
    ) {
        self.linked = linked
        self.number = number
        let limits = [maximumRegisters, function.directives.maxRegisters]
        self.maximumRegisters = limits.compactMap(\.self).min()
        name = function.name
        parameters = function.launchParameters
        parameterBytes = function.parameterBytes
        let required = function.directives.requiredThreads
        let limit = required ?? function.directives.maxThreads
        maxThreadsPerBlock = min(1024, max(1, limit?.product ?? 1024))
        minBlocksPerMultiprocessor = max(1, function.directives.minBlocksPerMultiprocessor ?? 1)
        requiredThreads = required.map { Dimensions(UInt32($0.x), UInt32($0.y), UInt32($0.z)) }
        ptxVersion = unit.version.major * 10 + unit.version.minor
        target = unit.target.architecture
    }

    /// Compiles the kernel now, if that has not happened, so that errors show at load time.
    public func prepare() throws(CompileError) { _ = try compiled() }

    /// Bytes of static shared memory; compiles the kernel, 0 when that fails.
    public var staticSharedBytes: Int { (try? compiled())?.staticSharedBytes ?? 0 }

    /// Bytes of the module's constant variables.
    public var constBytes: Int { linked.constantBytes }

    /// Bytes of local memory per thread; compiles the kernel, 0 when that fails.
    public var localBytes: Int { (try? compiled())?.entryLocalBytes ?? 0 }

    /// A plausible number of registers per thread, not more than `.maxnreg` or the program allows;
    /// compiles the kernel, 0 when that fails.
    public var registers: Int {
        let used = (try? compiled())?.registers ?? 0
        return maximumRegisters.map { min($0, used) } ?? used
    }

    /// The program; compiled once, errors are kept too.
    func compiled() throws(CompileError) -> Program {
        let result = lock.withLock { () -> Result<Program, CompileError> in
            if let outcome { return outcome }
            let made: Result<Program, CompileError>
            do throws(CompileError) {
                made = .success(try ProgramBuilder(linked).build(entry: number))
            } catch {
                made = .failure(error)
            }
            outcome = made
            return made
        }
        return try result.get()
    }
}

/// What the software GPUs of this process look like.
///
/// Read from the environment, or from a file of `KEY=VALUE` lines that `FERRY_SOFT_GPU_CONFIG`
/// names; the environment wins.
package struct Configuration: Equatable, Sendable {
    /// Number of GPUs before `CUDA_VISIBLE_DEVICES` is applied, 1 to 8.
    package var count = 1
    /// Memory of each GPU in MiB, 16 to 524,288.
    package var memoryMiB = 4096
    /// What `cuDeviceGetName` says; at most 255 bytes.
    package var name = "Ferry Software GPU"
    /// The compute capability that the GPUs claim.
    package var capability = Capability(major: 12, minor: 0)
    /// Threads that execute kernels; 0 means one for each core.
    package var threads = 0
    /// `FERRY_SOFT_GPU_SEED`, for tests: one thread executes one kernel after the other, blocks and warps
    /// in an order drawn from this number. `nil`: as fast as it goes. Clocks that kernels read go on.
    package var seed: UInt64?
    /// What a launch does, for measurements of what is around it (`FERRY_SOFT_GPU_LAUNCH`).
    package var launch = Launch.run
    /// Which code of an image is taken (`FERRY_SOFT_GPU_CODE`).
    package var code = Code.ptx
    /// Whether other processes can be given memory (`FERRY_SOFT_GPU_IPC`, 0 or 1). It lies in a file then, which
    /// most systems give small pages only.
    package var isShared = false
    /// The value of `CUDA_VISIBLE_DEVICES`; `nil` when it is not set.
    package var visibleDevices: String?

    /// A compute capability, such as 8.0.
    package struct Capability: Equatable, Sendable {
        /// Before the point, 5 to 99.
        package var major: Int
        /// After the point, 0 to 9.
        package var minor: Int

        /// As PTX and fatbins write it: 80 for 8.0.
        package var number: Int { major * 10 + minor }

        /// A capability.
        package init(major: Int, minor: Int) {
            self.major = major
            self.minor = minor
        }
    }

    /// What becomes of a launch that was found to be in order.
    package enum Launch: Equatable, Sendable {
        /// `run`: the kernel is executed.
        case run
        /// `null`: nothing; the kernel is not executed. Results of programs are wrong.
        case null
        /// A number: the calling thread is kept busy for so many nanoseconds, 0 to 1,000,000,000,
        /// as a driver keeps it; the kernel is not executed.
        case busy(nanoseconds: UInt64)
    }

    /// What a GPU takes of the images that programs load.
    package enum Code: Equatable, Sendable {
        /// `ptx`: what can be executed.
        case ptx
        /// `machine`: machine code as well, as NVIDIA's GPU of the claimed capability takes it. Its
        /// kernels have names, parameters and needs, but cannot be executed: only together with
        /// launches that do nothing.
        case machine
    }

    /// A setting that cannot be used.
    package struct Invalid: Error, Equatable, CustomStringConvertible {
        /// Name of the setting.
        package var key: String
        /// What it said.
        package var value: String
        /// What it may say.
        package var expectation: String

        /// One line for a person.
        package var description: String { "\(key)=\(value): expected \(expectation)" }
    }

    /// The defaults.
    package init() {}

    /// The configuration that these settings ask for.
    ///
    /// - Parameters:
    ///   - environment: Value of an environment variable, or `nil`.
    ///   - file: Text of the file that `FERRY_SOFT_GPU_CONFIG` names, or `nil`.
    package init(
        environment: (String) -> String?,
        file: (String) -> String?
    ) throws(Invalid) {
        var written: [String: String] = [:]
        if let path = environment("FERRY_SOFT_GPU_CONFIG"), !path.isEmpty {
            guard let text = file(path) else {
                throw Invalid(
                    key: "FERRY_SOFT_GPU_CONFIG",
                    value: path,
                    expectation: "the path of a readable file"
                )
            }
            written = try Self.parse(text)
        }
        func setting(_ key: String) -> String? { environment(key) ?? written[key] }
        count = try Self.number("FERRY_SOFT_GPU_COUNT", setting, 1...8) ?? count
        memoryMiB =
            try Self.number("FERRY_SOFT_GPU_MEMORY_MIB", setting, 16...524_288) ?? memoryMiB
        threads = try Self.number("FERRY_SOFT_GPU_THREADS", setting, 1...1024) ?? threads
        seed = try Self.number("FERRY_SOFT_GPU_SEED", setting, 0...Int.max).map { UInt64($0) }
        if let text = setting("FERRY_SOFT_GPU_NAME") { name = try Self.name(text) }
        if let text = setting("FERRY_SOFT_GPU_COMPUTE_CAPABILITY") {
            capability = try Self.capability(text)
        }
        if let text = setting("FERRY_SOFT_GPU_LAUNCH") { launch = try Self.launch(text) }
        if let text = setting("FERRY_SOFT_GPU_CODE") { code = try Self.code(text, launch) }
        isShared = try Self.number("FERRY_SOFT_GPU_IPC", setting, 0...1) == 1
        visibleDevices = environment("CUDA_VISIBLE_DEVICES")
    }

    private static func parse(_ text: String) throws(Invalid) -> [String: String] {
        var settings: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if trimmed.isEmpty || trimmed.hasPrefix("#") { continue }
            guard let equals = trimmed.firstIndex(of: "=") else {
                throw Invalid(
                    key: "FERRY_SOFT_GPU_CONFIG",
                    value: String(trimmed),
                    expectation: "lines of the form KEY=VALUE"
                )
            }
            let value = trimmed[trimmed.index(after: equals)...]
            settings[String(trimmed[..<equals])] = String(value)
        }
        return settings
    }

    private static func number(
        _ key: String,
        _ setting: (String) -> String?,
        _ range: ClosedRange<Int>
    ) throws(Invalid) -> Int? {
        guard let text = setting(key) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            let expectation = "a number from \(range.lowerBound) to \(range.upperBound)"
            throw Invalid(key: key, value: text, expectation: expectation)
        }
        return value
    }

    private static func launch(_ text: String) throws(Invalid) -> Launch {
        if text == "run" { return .run }
        if text == "null" { return .null }
        guard let nanoseconds = UInt64(text), nanoseconds <= 1_000_000_000 else {
            throw Invalid(
                key: "FERRY_SOFT_GPU_LAUNCH",
                value: text,
                expectation: "run, null or a number of nanoseconds from 0 to 1000000000"
            )
        }
        return .busy(nanoseconds: nanoseconds)
    }

    private static func code(_ text: String, _ launch: Launch) throws(Invalid) -> Code {
        if text == "ptx" { return .ptx }
        guard text == "machine", launch != .run else {
            throw Invalid(
                key: "FERRY_SOFT_GPU_CODE",
                value: text,
                expectation: "ptx, or machine together with FERRY_SOFT_GPU_LAUNCH=null or a number"
            )
        }
        return .machine
    }

    private static func name(_ text: String) throws(Invalid) -> String {
        guard (1...255).contains(text.utf8.count) else {
            throw Invalid(
                key: "FERRY_SOFT_GPU_NAME",
                value: text,
                expectation: "1 to 255 bytes of text"
            )
        }
        return text
    }

    private static func capability(_ text: String) throws(Invalid) -> Capability {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]),
            (5...99).contains(major), (0...9).contains(minor)
        else {
            throw Invalid(
                key: "FERRY_SOFT_GPU_COMPUTE_CAPABILITY",
                value: text,
                expectation: "a compute capability such as 8.0"
            )
        }
        return Capability(major: major, minor: minor)
    }
}

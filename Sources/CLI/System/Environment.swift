internal import Glibc

/// The environment that ferry was started with.
package struct Environment: Sendable {
    /// `NAME=value`, in the order of the process.
    package var entries: [String]

    /// These entries.
    package init(entries: [String]) { self.entries = entries }

    /// This process's environment.
    package static func ofThisProcess() -> Environment {
        var entries: [String] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(String(cString: entry))
            next += 1
        }
        return Environment(entries: entries)
    }

    /// The value of a variable; setting nil removes it.
    package subscript(name: String) -> String? {
        get {
            let prefix = name + "="
            return entries.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }
        set {
            let prefix = name + "="
            let place = entries.firstIndex { $0.hasPrefix(prefix) }
            entries.removeAll { $0.hasPrefix(prefix) }
            guard let newValue else { return }
            entries.insert(prefix + newValue, at: place ?? entries.count)
        }
    }

    /// Puts a folder before the others in which the dynamic linker looks.
    ///
    /// An empty part of the list would mean the working directory, so none is ever made.
    package mutating func putFirstInLibraryPath(_ folder: String) {
        let old = self["LD_LIBRARY_PATH"] ?? ""
        self["LD_LIBRARY_PATH"] = old.isEmpty ? folder : "\(folder):\(old)"
    }

    /// Sets what libraries cannot find out by themselves, unless somebody has.
    ///
    /// - Parameters:
    ///   - isSoftware: Whether the borrowed GPUs are software.
    ///   - gpus: How many there are.
    package mutating func tellLibraries(isSoftware: Bool, gpus: Int) {
        // A software GPU runs PTX only; CuPy would make machine code.
        if isSoftware { setIfNone("CUPY_COMPILE_WITH_PTX", "1") }
        // NCCL looks for the GPUs among the devices of the program's machine, does not find them, takes the way
        // between them for a long one, and has them talk by way of the host's memory, which kernels
        // cannot share with the program here. They are on one server; whether they reach each other it
        // still asks CUDA.
        if gpus > 1 { setIfNone("NCCL_P2P_LEVEL", "SYS") }
    }

    private mutating func setIfNone(_ name: String, _ value: String) {
        if self[name] == nil { self[name] = value }
    }
}

import Foundation
import Testing

/// Which way dependencies point (docs/ARCHITECTURE.md): `C ← Driver ← Wire ← Transport ← {Client,
/// Worker}`, `Driver ← SoftGPU`, `Pool ← Store ← Server`; CLI and Server meet at the REST API only.
@Suite struct ArrowTests {
    /// The modules of this package that each may import.
    static let allowed: [String: Set<String>] = [
        "Driver": ["CUDAABI"],
        "DriverFrontend": ["CUDAABI", "CLinux", "Driver"],
        "Wire": ["CHash", "Driver"],
        "Transport": ["CLinux", "CTLS", "Wire"],
        "Client": [
            "CUDAABI", "NVMLABI", "CLinux", "Driver", "DriverFrontend", "Wire", "Transport",
        ],
        "NVML": ["NVMLABI", "CLinux"],
        "CUDAShim": [
            "CUDAABI", "CProcTable", "Driver", "DriverFrontend", "Client", "NVML", "NVMLABI",
        ],
        "Worker": ["CUDAABI", "CLinux", "CWorker", "Driver", "Wire", "Transport"],
        "FerryWorker": ["Worker", "CLinux", "Version"],
        "PTX": [],
        "Lanes": ["CLanes"],
        "SoftDevice": ["CLinux"],
        "SoftGPU": [
            "CUDAABI", "CLinux", "CLanes", "CCompression", "Driver", "DriverFrontend", "PTX",
            "Lanes", "SoftDevice",
        ],
        "SoftCUDA": ["CUDAABI", "CLinux", "CProcTable", "Driver", "DriverFrontend", "SoftGPU"],
        "SoftNVML": ["NVML", "NVMLABI", "CLinux", "SoftDevice"],
        "Version": [],
        "Pool": [],
        "Store": ["Pool"],
        "Server": ["CProcess", "Pool", "Store", "Version", "Wire"],
        "Ferryd": ["Server", "Version", "Wire"],
        // Transport is for `ferry netperf`, which measures the data port as a client library has it.
        "CLI": ["CProcess", "Driver", "Transport", "Version", "Wire"],
        "Ferry": ["CLI"],
        "Generator": [],
        "Ferrygen": ["Generator"],
    ]

    private static let own = Set(allowed.keys).union([
        "CUDAABI", "NVMLABI", "CLinux", "CProcTable", "CLanes", "CCompression", "CWorker",
        "CProcess", "CHash", "CTLS",
    ])

    @Test func `imports follow the arrows`() {
        for file in Repository.sources {
            let module = Repository.module(file)
            guard let allowed = Self.allowed[module] else {
                Issue.record("\(file.path): say in ArrowTests what \(module) may import")
                continue
            }
            for name in imports(file) where Self.own.contains(name) && !allowed.contains(name) {
                Issue.record("\(file.path) imports \(name), which \(module) may not know")
            }
        }
    }

    /// Package.swift may not allow more than that either.
    @Test func `targets follow the arrows`() throws {
        let package = try String(
            contentsOf: Repository.root.appending(path: "Package.swift"),
            encoding: .utf8
        )
        var seen = 0
        for piece in package.split(separator: "arget(").dropFirst() {
            guard let name = first("name: \"", in: piece), let allowed = Self.allowed[name] else {
                continue
            }
            seen += 1
            guard let list = piece.firstRange(of: "dependencies: [") else { continue }
            let names = piece[list.upperBound...].prefix { $0 != "]" }
                .replacing(/\.product\([^)]*\)/, with: "")
                .split(separator: ",").map { $0.filter { $0.isLetter || $0.isNumber } }
            for name in names where Self.own.contains(name) && !allowed.contains(name) {
                Issue.record("Package.swift: \(piece.prefix(40)) depends on \(name)")
            }
        }
        // A copy of the package for one part of it may declare fewer targets.
        #expect(seen >= 6)
    }

    @Test func `the arrows make no circle`() {
        var done: Set<String> = []
        var left = Self.allowed
        while let next = left.first(where: {
            $0.value.subtracting(done).isDisjoint(with: left.keys)
        }) {
            done.insert(next.key)
            left[next.key] = nil
        }
        #expect(left.isEmpty, "\(left.keys)")
    }

    private func imports(_ file: Repository.File) -> [String] {
        file.lines.filter { $0.first != " " }.compactMap { line in
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "import"), index <= 2, index + 1 < words.count,
                words[..<index].allSatisfy({ Self.beforeImport.contains(String($0)) })
            else { return nil }
            return words.last.map { String($0.prefix { $0 != "." }) }
        }
    }

    private static let beforeImport: Set<String> = [
        "public", "package", "internal", "private", "@preconcurrency", "@_exported",
    ]

    private func first(_ prefix: String, in text: Substring) -> String? {
        guard let range = text.firstRange(of: prefix) else { return nil }
        return String(text[range.upperBound...].prefix { $0 != "\"" })
    }
}

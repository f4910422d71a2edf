internal import CProcess
internal import Glibc

/// What `ferry run` was asked to run: the three forms that Bitfusion's users have.
package struct Program: Hashable, Sendable {
    /// The file to execute.
    package let executable: String
    /// The arguments, with the program's own name first.
    package let arguments: [String]
    /// As a person would write it.
    package let text: String

    /// Finds the program that these words name.
    ///
    /// - `-- program args`: exactly these words.
    /// - `program args`: the same.
    /// - `"program args"`: one word with blanks in it, which is no file: the shell runs it.
    ///
    /// - Parameters:
    ///   - words: what followed ferry's own options, with the `--` if there was one.
    ///   - path: the value of PATH.
    package init(words: [String], path: String?) throws(Failure) {
        let isExact = words.first == "--"
        let words = isExact ? Array(words.dropFirst()) : words
        guard let name = words.first, !name.isEmpty else {
            throw Failure(
                "there is no program to run; write: ferry run -n 1 -- program arguments",
                code: .usage
            )
        }
        if !isExact, name.hasPrefix("-") {
            throw Failure("run has no option '\(name)'; see ferry help run", code: .usage)
        }
        text = words.joined(separator: " ")
        if !isExact, words.count == 1, name.contains(where: \.isWhitespace), !Self.exists(name) {
            executable = "/bin/sh"
            arguments = ["/bin/sh", "-c", name]
            return
        }
        executable = try Self.find(name, path: path ?? "/usr/local/bin:/usr/bin:/bin")
        arguments = words
    }

    /// Where the shell would find it.
    private static func find(_ name: String, path: String) throws(Failure) -> String {
        if name.contains("/") {
            if let obstacle = obstacle(name) { throw obstacle }
            return name
        }
        var refused: Failure?
        for folder in path.split(separator: ":", omittingEmptySubsequences: false) {
            let candidate = folder.isEmpty ? "./\(name)" : "\(folder)/\(name)"
            guard let obstacle = obstacle(candidate) else { return candidate }
            if obstacle.code == .notExecutable { refused = refused ?? obstacle }
        }
        throw refused ?? Failure("the program '\(name)' is not in PATH", code: .notFound)
    }

    private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Why a file cannot be executed; nil when it can.
    private static func obstacle(_ path: String) -> Failure? {
        if access(path, F_OK) != 0 {
            return Failure("there is no program '\(path)'", code: .notFound)
        }
        var owner: uid_t = 0
        var mode: mode_t = 0
        if ferry_owner_and_mode(path, &owner, &mode) == 0, mode & S_IFMT == S_IFDIR {
            return Failure("'\(path)' is a folder", code: .notExecutable)
        }
        if access(path, X_OK) != 0 {
            return Failure("'\(path)' cannot be executed: \(Files.reason())", code: .notExecutable)
        }
        return nil
    }
}

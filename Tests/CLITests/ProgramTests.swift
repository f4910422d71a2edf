import CLI
import Testing

@Suite struct ProgramTests {
    private let path = "/usr/bin:/bin"

    @Test func bareWordsAndWordsAfterDashesAreTheSame() throws {
        let bare = try Program(words: ["sh", "-c", "exit 1"], path: path)
        let exact = try Program(words: ["--", "sh", "-c", "exit 1"], path: path)
        #expect(bare == exact)
        #expect(bare.arguments == ["sh", "-c", "exit 1"])
        #expect(bare.executable.hasSuffix("/sh"))
    }

    @Test func oneStringGoesToTheShell() throws {
        let program = try Program(words: ["sh -c 'exit 1'"], path: path)
        #expect(program.executable == "/bin/sh")
        #expect(program.arguments == ["/bin/sh", "-c", "sh -c 'exit 1'"])
    }

    @Test func afterDashesNothingGoesToTheShell() {
        #expect(throws: Failure.self) { try Program(words: ["--", "sh -c true"], path: path) }
    }

    @Test func theProgramsOwnDashesArePassed() throws {
        #expect(
            try Program(words: ["env", "--", "-n"], path: path).arguments == ["env", "--", "-n"]
        )
        #expect(try Program(words: ["--", "env", "--"], path: path).arguments == ["env", "--"])
    }

    @Test(arguments: [[], ["--"], [""], ["--", ""], ["-x", "sh"]])
    func whatIsNoProgramIsWrongUsage(_ words: [String]) {
        let failure = #expect(throws: Failure.self) { try Program(words: words, path: path) }
        #expect(failure?.code == .usage)
    }

    @Test(arguments: [
        ("no-such-program", Failure.Code.notFound), ("/no/such", .notFound),
        ("/etc", .notExecutable), ("/etc/passwd", .notExecutable),
    ])
    func whatCannotRunIsSaidBeforehand(_ name: String, _ code: Failure.Code) {
        let failure = #expect(throws: Failure.self) { try Program(words: [name], path: path) }
        #expect(failure?.code == code)
        #expect(failure?.message.contains(name) == true)
    }
}

import Pool
import Testing

@Suite struct LeaseRequestTests {
    @Test(arguments: [0, -1, LeaseRequest.maximumGPUs + 1, Int.max, Int.min])
    func refusesSillyNumbersOfGPUs(_ gpus: Int) {
        #expect(throws: Refusal.self) { try wish(gpus) }
    }

    @Test(arguments: [0, -0.5, 1.0001, Double.nan, .infinity, -.infinity, 1e-12])
    func refusesSillyFractions(_ fraction: Double) {
        #expect(throws: Refusal.self) { try wish(1, fraction: fraction) }
    }

    @Test(arguments: [0, -1, Int64.min])
    func refusesSillyMebibytes(_ mib: Int64) {
        #expect(throws: Refusal.self) { try wish(1, mib: mib) }
    }

    @Test func refusesFractionWithMebibytes() {
        #expect(throws: Refusal.self) { try wish(1, fraction: 0.5, mib: 100) }
    }

    @Test func theWholeFractionIsTheWholeGPU() throws {
        #expect(try wish(1, fraction: 1).share == .whole)
        #expect(try wish(1).share == .whole)
    }

    /// The figures of Bitfusion's logs, and a decimal that binary rounds down.
    @Test(arguments: [
        (0.5, 16160, 8080), (0.8, 32510, 26008), (0.37, 16160, 5979), (0.29, 100, 29),
        (0.999_999_999, 1, 0), (0.1, 4096, 409),
    ])
    func slicesAreRoundedDown(_ fraction: Double, _ memory: Int64, _ slice: Int64) throws {
        #expect(try wish(1, fraction: fraction).share.slice(ofMiB: memory) == slice)
    }

    @Test func hugeMemoryDoesNotOverflow() throws {
        let memory = Int64.max
        let slice = try #require(try wish(1, fraction: 0.999_999_999).share.slice(ofMiB: memory))
        #expect(slice > memory / 2 && slice < memory)
    }
}

@Suite struct LeaseIDTests {
    @Test func hexAndBack() throws {
        let bytes = (0..<16).map { UInt8($0 * 16 + 15 - $0) }
        let id = try #require(LeaseID(bytes: bytes))
        #expect(id.bytes == bytes)
        #expect(LeaseID(hex: id.description) == id)
        #expect(LeaseID(hex: id.description.uppercased()) == id)
    }

    @Test(arguments: ["", "0", "00", "zz000000000000000000000000000000", "é"])
    func refusesWhatIsNot32HexDigits(_ text: String) {
        #expect(LeaseID(hex: text) == nil)
        #expect(LeaseID(bytes: Array(text.utf8)) == nil)
    }
}

import DriverFrontend
import Testing

@Suite struct ContextParametersTests {
    /// - Parameters:
    ///   - affinities: An address, of which only whether it is null matters.
    ///   - graphics: Likewise.
    private func check(affinities: UInt, count: Int32, graphics: UInt) -> ContextParameters.Wish {
        withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            buffer.storeBytes(of: affinities, as: UInt.self)
            buffer.storeBytes(of: count, toByteOffset: 8, as: Int32.self)
            buffer.storeBytes(of: graphics, toByteOffset: 16, as: UInt.self)
            return ContextParameters.check(buffer.baseAddress.map { OpaquePointer($0) })
        }
    }

    @Test func `nothing is asked for without parameters and with zeros`() {
        #expect(ContextParameters.check(nil) == .none)
        #expect(check(affinities: 0, count: 0, graphics: 0) == .none)
        #expect(check(affinities: 8, count: 0, graphics: 0) == .none)
    }

    @Test func `affinities and graphics are noticed`() {
        #expect(check(affinities: 8, count: 1, graphics: 0) == .asked)
        #expect(check(affinities: 0, count: 0, graphics: 8) == .asked)
    }

    @Test func `what excludes itself is wrong`() {
        #expect(check(affinities: 0, count: 1, graphics: 0) == .wrong)
        #expect(check(affinities: 8, count: -1, graphics: 0) == .wrong)
        #expect(check(affinities: 8, count: 1, graphics: 8) == .wrong)
    }
}

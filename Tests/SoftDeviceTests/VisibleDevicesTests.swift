import SoftDevice
import Testing

@Suite("CUDA_VISIBLE_DEVICES")
struct VisibleDevicesTests {
    private func visible(_ setting: String?) -> [Int] {
        VisibleDevices.choose(setting, among: (0..<4).map { Identity(index: $0) }).map(\.index)
    }

    @Test func unsetShowsAll() { #expect(visible(nil) == [0, 1, 2, 3]) }

    @Test func emptyShowsNone() { #expect(visible("").isEmpty) }

    @Test func indicesGiveTheOrder() { #expect(visible("2, 0") == [2, 0]) }

    @Test func theListEndsAtTheFirstUnknownEntry() {
        #expect(visible("1,-1,2") == [1])
        #expect(visible("3,7,0") == [3])
        #expect(visible("NoDevFiles").isEmpty)
    }

    @Test func aGPUNamedTwiceHidesAll() { #expect(visible("0,1,0").isEmpty) }

    @Test func uuidsAreKnown() {
        let uuid = Identity(index: 2).uuidText
        #expect(visible(uuid) == [2])
        #expect(visible(uuid.replacing("e", with: "E")) == [2])
        #expect(visible("\(uuid),0") == [2, 0])
    }

    @Test func aPrefixMustFitOneGPU() {
        #expect(visible("GPU-fe").isEmpty)
        #expect(visible("GPU-").isEmpty)
    }
}

@Suite("Identities of software GPUs")
struct IdentityTests {
    @Test func uuidsDiffer() {
        #expect(Set((0..<8).map { Identity(index: $0).uuidText }).count == 8)
        #expect(Identity(index: 0).uuidText == "GPU-fe445950-5055-8001-9a5c-534f46540000")
    }

    @Test(arguments: ["0000:02:00.0", "00000000:02:00.0", "02:00.0", "02:00", "0:2:0"])
    func pciAddressesAreRead(text: String) {
        #expect(Identity.index(ofPCIAddress: text, count: 8) == 1)
    }

    @Test(arguments: ["", "0001:02:00.0", "00:00.0", "02:01.0", "02", "0000:0a:00.0", "x:y:z"])
    func otherAddressesAreNone(text: String) {
        #expect(Identity.index(ofPCIAddress: text, count: 8) == nil)
    }
}

import Testing
import Wire

@Suite struct BulkFrameTests {
    private func bytes(_ frame: BulkFrame) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xFF, count: BulkFrame.size)
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { frame.write(to: base) } }
        return bytes
    }

    private func read(_ bytes: [UInt8]) -> BulkFrame? {
        bytes.withUnsafeBytes { $0.baseAddress.flatMap { BulkFrame(reading: $0) } }
    }

    @Test func framesAreWhatTheyWere() {
        for frame in [
            BulkFrame(.data, length: 1), BulkFrame(.data, length: BulkFrame.most, offset: .max),
            BulkFrame(.stored, slot: 15), BulkFrame(.fetch, transfer: .max),
            BulkFrame(.end, status: -700, transfer: 3), BulkFrame(.want),
            BulkFrame(.filled, length: BulkFrame.most, offset: 9, slot: 3, transfer: 8),
            BulkFrame(.taken, slot: 3), BulkFrame(.deliver, slot: 3),
            BulkFrame(.packed, length: 7, offset: 3, slot: UInt32(BulkFrame.most), transfer: 2),
            BulkFrame(.listen), BulkFrame(.call, offset: .max, status: 700, transfer: .max),
            BulkFrame(.call, slot: BulkFrame.isDropped, transfer: 1),
            BulkFrame(.returned, transfer: 1),
        ] {
            #expect(read(bytes(frame)) == frame)
        }
    }

    @Test func everythingElseIsNone() {
        var unknown = bytes(BulkFrame(.end))
        for kind in [UInt8(0), 13, 255] {
            unknown[0] = kind
            #expect(read(unknown) == nil)
        }
        #expect(read(bytes(BulkFrame(.data))) == nil)
        #expect(read(bytes(BulkFrame(.data, length: BulkFrame.most + 1))) == nil)
        #expect(read(bytes(BulkFrame(.packed, length: 8, slot: 7))) == nil)
        #expect(read(bytes(BulkFrame(.packed, length: 8, slot: .max))) == nil)
        #expect(read(bytes(BulkFrame(.filled))) == nil)
        #expect(read(bytes(BulkFrame(.filled, length: BulkFrame.most + 1))) == nil)
        #expect(read(bytes(BulkFrame(.want, length: 1))) == nil)
        #expect(read(bytes(BulkFrame(.taken, length: 1))) == nil)
        #expect(read(bytes(BulkFrame(.stored, length: 1))) == nil)
        #expect(read(bytes(BulkFrame(.fetch, length: 1))) == nil)
        #expect(read(bytes(BulkFrame(.end, length: 1))) == nil)
        #expect(read(bytes(BulkFrame(.call, length: 1))) == nil)
        #expect(read(bytes(BulkFrame(.returned, length: 1))) == nil)
    }

    @Test func anInvitationArrivesWhole() {
        for (isEncrypted, offersLink) in [(true, false), (false, true), (true, true)] {
            let invitation = BulkInvitation(
                key: InlineArray { UInt8($0) },
                isEncrypted: isEncrypted,
                offersLink: offersLink
            )
            var bytes = [UInt8](repeating: 0xFF, count: BulkInvitation.size)
            bytes.withUnsafeMutableBytes { bytes in
                if let base = bytes.baseAddress { invitation.write(to: base) }
            }
            bytes.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                let read = BulkInvitation(reading: base)
                #expect(read.isEncrypted == isEncrypted && read.offersLink == offersLink)
                #expect((0..<32).allSatisfy { read.key[$0] == UInt8($0) })
            }
        }
    }
}

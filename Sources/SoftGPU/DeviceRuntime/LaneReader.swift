import CLanes
import Lanes

/// Reads what a lane's generic addresses point at, checked like the lane's own accesses.
struct LaneReader {
    let context: UnsafeMutablePointer<LaneContext>
    let instruction: UnsafePointer<LaneInstruction>

    /// Strings longer than this are cut.
    private static let longestString = 65536

    /// The byte at an address; nil with the fault recorded when it may not be read.
    func byte(_ address: UInt64, _ lane: Int) -> UInt8? {
        LaneAccess.pointer(context, instruction, address, lane: lane, bytes: 1)?
            .load(as: UInt8.self)
    }

    /// The 4 bytes at a multiple of 4.
    func word(_ address: UInt64, _ lane: Int) -> UInt32? {
        LaneAccess.pointer(context, instruction, address, lane: lane, bytes: 4)?
            .load(as: UInt32.self)
    }

    /// The 8 bytes at a multiple of 8.
    func doubleWord(_ address: UInt64, _ lane: Int) -> UInt64? {
        LaneAccess.pointer(context, instruction, address, lane: lane, bytes: 8)?
            .load(as: UInt64.self)
    }

    /// The bytes up to a NUL.
    func string(_ address: UInt64, _ lane: Int) -> [UInt8]? {
        var text: [UInt8] = []
        while text.count < Self.longestString {
            guard let next = byte(address &+ UInt64(text.count), lane) else { return nil }
            if next == 0 { break }
            text.append(next)
        }
        return text
    }
}

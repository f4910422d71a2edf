import Testing
import Transport
import Wire

/// The client's end of a bulk channel.
extension Channel {
    func send(_ frame: BulkFrame) throws {
        var bytes = [UInt8](repeating: 0, count: BulkFrame.size)
        try bytes.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { frame.write(to: base) }
            try sendAll(UnsafeRawBufferPointer(bytes))
        }
    }

    func bytes(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try receiveAll($0, timeout: 5000) }
        return bytes
    }

    func frame() throws -> BulkFrame {
        let frame = try bytes(BulkFrame.size).withUnsafeBytes { bytes in
            bytes.baseAddress.flatMap { BulkFrame(reading: $0) }
        }
        return try #require(frame)
    }
}

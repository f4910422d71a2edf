internal import CLinux
internal import CUDAABI
internal import Driver

/// CUDA_VISIBLE_DEVICES, applied to the borrowed GPUs as the driver applies it to local ones.
package enum VisibleDevices {
    /// The devices that the variable leaves, in its order.
    ///
    /// As with the real driver, the list ends at the first entry that names no device.
    ///
    /// - Parameter text: The variable's value; `nil` leaves all.
    /// - Throws: "no device" when the list leaves none.
    package static func filter(
        _ devices: consuming Devices,
        _ text: UnsafePointer<CChar>?
    ) throws(Connector.Refusal) -> Devices {
        guard let text else { return devices }
        var order: InlineArray<64, Int32> = .init(repeating: 0)
        let count = parse(text, devices, &order)
        guard let filtered = devices.selecting(order, count) else {
            throw Connector.Refusal(Status.noDevice)
        }
        return filtered
    }

    /// Writes the ordinals that `text` names; returns how many.
    private static func parse(
        _ text: UnsafePointer<CChar>,
        _ devices: borrowing Devices,
        _ order: inout InlineArray<64, Int32>
    ) -> Int {
        var count = 0
        var position = text
        while position.pointee != 0, count < 64 {
            while position.pointee == 32 { position += 1 }
            guard let (device, next) = entry(position, devices) else { return count }
            // A device that is named twice makes the whole list invalid, so no device is left.
            for index in 0..<count where order[index] == device { return 0 }
            order[count] = device
            count += 1
            position = next
            while position.pointee == 32 { position += 1 }
            guard position.pointee == 44 else { return count }
            position += 1
        }
        return count
    }

    private static func entry(
        _ text: UnsafePointer<CChar>,
        _ devices: borrowing Devices
    ) -> (Int32, UnsafePointer<CChar>)? {
        if text.pointee == 71 { return uuid(text, devices) }
        var value: Int32 = 0
        var position = text
        while position.pointee >= 48, position.pointee <= 57, value < 1000 {
            value = value * 10 + Int32(position.pointee - 48)
            position += 1
        }
        guard position != text, devices.contains(value) else { return nil }
        return (value, position)
    }

    /// `GPU-` and the first hexadecimal digits of a UUID, enough to name one device only.
    private static func uuid(
        _ text: UnsafePointer<CChar>,
        _ devices: borrowing Devices
    ) -> (Int32, UnsafePointer<CChar>)? {
        guard text[1] == 80, text[2] == 85, text[3] == 45 else { return nil }
        var found: Int32?
        var end = text + 4
        for device in 0..<devices.count {
            guard let next = matches(text + 4, devices.uuid(device)) else { continue }
            if found != nil { return nil }
            found = device
            end = next
        }
        return found.map { ($0, end) }
    }

    private static func matches(
        _ text: UnsafePointer<CChar>,
        _ uuid: CUuuid
    ) -> UnsafePointer<CChar>? {
        var position = text
        var digits = 0
        return withUnsafeBytes(of: uuid) { bytes in
            while position.pointee != 0, position.pointee != 44, position.pointee != 32 {
                if position.pointee == 45 {
                    position += 1
                    continue
                }
                guard digits < 32, let digit = hex(position.pointee) else { return nil }
                let byte = bytes[digits / 2]
                guard digit == (digits % 2 == 0 ? byte >> 4 : byte & 15) else { return nil }
                digits += 1
                position += 1
            }
            return digits > 0 ? position : nil
        }
    }

    private static func hex(_ character: CChar) -> UInt8? {
        switch character {
        case 48...57: UInt8(character - 48)
        case 97...102: UInt8(character - 87)
        case 65...70: UInt8(character - 55)
        default: nil
        }
    }
}

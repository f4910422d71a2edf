/// Bytes from the system's secure generator.
func secureRandomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}

/// Whether two byte strings of one length are equal, in a time that does not depend on where they
/// differ.
func equalInConstantTime(_ first: some Sequence<UInt8>, _ second: some Sequence<UInt8>) -> Bool {
    var difference: UInt8 = 0
    var left = first.makeIterator()
    var right = second.makeIterator()
    while true {
        switch (left.next(), right.next()) {
        case (let a?, let b?): difference |= a ^ b
        case (nil, nil): return difference == 0
        default: return false
        }
    }
}

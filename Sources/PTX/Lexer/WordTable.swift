/// The values of an enumeration by spelling.
struct WordTable<Value: RawRepresentable & CaseIterable & Sendable>: Sendable
where Value.RawValue == String {
    private let values: [Value]
    private let spellings: [[UInt8]]
    private let slots: [Int16]

    init() {
        values = Array(Value.allCases)
        spellings = values.map { Array($0.rawValue.utf8) }
        var slots = [Int16](repeating: -1, count: 1024)
        for (index, spelling) in spellings.enumerated() {
            var place = Self.hash(spelling)
            while slots[place] >= 0 { place = (place + 1) & 1023 }
            slots[place] = Int16(index)
        }
        self.slots = slots
    }

    /// The value of a spelling.
    func find(_ word: some Collection<UInt8>) -> Value? {
        var place = Self.hash(word)
        while slots[place] >= 0 {
            let index = Int(slots[place])
            if spellings[index].elementsEqual(word) { return values[index] }
            place = (place + 1) & 1023
        }
        return nil
    }

    private static func hash(_ word: some Collection<UInt8>) -> Int {
        var state: UInt32 = 2_166_136_261
        for byte in word { state = (state ^ UInt32(byte)) &* 16_777_619 }
        return Int((state ^ state >> 15) & 1023)
    }
}

/// The spellings of everything that instructions are made of.
enum Words {
    static let opcodes = WordTable<Syntax.Opcode>()
    static let modifiers = WordTable<Syntax.Modifier>()
    static let types = WordTable<Syntax.ScalarType>()
    static let specials = WordTable<Syntax.SpecialRegister.Kind>()
}

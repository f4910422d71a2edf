import Pool

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

func gpu(_ index: Int, mib: Int64) -> GPU {
    GPU(
        index: index,
        uuid: "GPU-\(index)",
        name: "Test GPU",
        memoryBytes: mib << 20,
        computeCapability: "8.0",
        pciBusID: "0000:0\(index):00.0"
    )
}

let someone = ClientDescription(host: "h", user: "u", pid: 1, command: "c")

func wish(_ gpus: Int, fraction: Double? = nil, mib: Int64? = nil) throws -> LeaseRequest {
    try LeaseRequest(gpus: gpus, fraction: fraction, mebibytes: mib, client: someone)
}

func id(_ number: UInt8) throws -> LeaseID {
    struct NotSixteenBytes: Error {}
    guard let id = LeaseID(bytes: [UInt8](repeating: number, count: 16)) else {
        throw NotSixteenBytes()
    }
    return id
}

func at(_ uptime: Int64) -> Moment { Moment(uptime: uptime, wall: 1_700_000_000_000 + uptime) }

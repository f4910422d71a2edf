/// Why a wish cannot be granted.
package enum Refusal: Error, Hashable, Sendable {
    /// It makes no sense; the text says what.
    case invalid(String)
    /// No waiting would help on this server; the text says what is missing.
    case never(String)
    /// It could be granted when others give back; what is free now, one entry for each GPU.
    case notEnough([FreeGPU])
}

/// What is left of one GPU.
package struct FreeGPU: Hashable, Sendable {
    /// The GPU.
    package var gpu: GPU
    /// MiB that no lease has; 0 when a lease has the whole GPU.
    package var freeMiB: Int64
    /// Whether no lease has any part of it.
    package var isUnused: Bool

    /// `freeMiB` in bytes; of an unused GPU all its bytes.
    package var freeBytes: Int64 { isUnused ? gpu.memoryBytes : freeMiB << 20 }
}

internal import CUDAABI

/// What a program hands to `cuCtxCreate_v4` (`CUctxCreateParams` of cuda.h: pointer to affinities at 0, their
/// number at 8, pointer to parameters of graphics at 16; 24 bytes).
package enum ContextParameters {
    /// What is asked for.
    package enum Wish: Equatable {
        /// An ordinary context: no parameters, or some that are all zero.
        case none
        /// A context with fewer multiprocessors, or one that graphics share.
        case asked
        /// Affinities without an array, or both kinds at once, which cuda.h excludes.
        case wrong
    }

    /// - Parameter parameters: The structure, or `nil`.
    package static func check(_ parameters: OpaquePointer?) -> Wish {
        guard let parameters else { return .none }
        let raw = UnsafeRawPointer(parameters)
        let hasAffinities = raw.load(as: UInt.self) != 0
        let count = raw.load(fromByteOffset: 8, as: Int32.self)
        let hasGraphics = raw.load(fromByteOffset: 16, as: UInt.self) != 0
        if !hasAffinities, count != 0 { return .wrong }
        if hasAffinities, hasGraphics || count < 0 { return .wrong }
        return hasAffinities && count > 0 || hasGraphics ? .asked : .none
    }
}

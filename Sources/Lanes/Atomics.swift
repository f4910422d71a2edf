import CLanes

/// Atomic operations and fences. a is the address (`mode`, `immediate` as in `MemoryOps`), b and c
/// the operands, d the old value or −1.
package enum AtomicOps {
    /// What an atomic does.
    package enum Operation: UInt8, Sendable {
        case exchange, compareAndSwap, add, minimum, maximum, and, or, xor, increment, decrement
    }

    /// The handler of an operation on lanes of a type.
    package static func handler(_ operation: Operation, _ type: LaneType) -> Handler? {
        switch type.bits {
        case 16: return narrow(operation, type)
        case 32: return word(operation, type)
        case 64: return doubleWord(operation, type)
        default: return nil
        }
    }

    /// Orders memory accesses for all threads.
    package static func fence() -> Handler {
        { _, _, _, _ in lane_fence() }
    }

    private static func narrow(_ operation: Operation, _ type: LaneType) -> Handler? {
        switch (operation, type) {
        case (.compareAndSwap, .u16), (.compareAndSwap, .s16):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt16.self) { p, b, e in lane_atomic_compare_u16(p, b, e) }
            }
        case (.exchange, .u16):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt16.self) { p, b, _ in lane_atomic_exchange_u16(p, b) }
            }
        case (.add, .f16):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt16.self) { p, b, _ in
                    loop16(p) { sum(UInt32($0), UInt32(b), isBrain: false) }
                }
            }
        case (.add, .bf16):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt16.self) { p, b, _ in
                    loop16(p) { sum(UInt32($0), UInt32(b), isBrain: true) }
                }
            }
        default: return nil
        }
    }

    private static func word(_ operation: Operation, _ type: LaneType) -> Handler? {
        switch (operation, type) {
        case (.add, .u32), (.add, .s32):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in lane_atomic_add_u32(p, b) }
            }
        case (.exchange, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in lane_atomic_exchange_u32(p, b) }
            }
        case (.compareAndSwap, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, e in lane_atomic_compare_u32(p, b, e) }
            }
        case (.and, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in lane_atomic_and_u32(p, b) }
            }
        case (.or, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in lane_atomic_or_u32(p, b) }
            }
        case (.xor, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in lane_atomic_xor_u32(p, b) }
            }
        case (.minimum, .u32):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in loop32(p) { min($0, b) } }
            }
        case (.maximum, .u32):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in loop32(p) { max($0, b) } }
            }
        default: return wordWithLoop(operation, type)
        }
    }

    private static func wordWithLoop(_ operation: Operation, _ type: LaneType) -> Handler? {
        switch (operation, type) {
        case (.minimum, .s32):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in
                    loop32(p) { Int32(bitPattern: $0) < Int32(bitPattern: b) ? $0 : b }
                }
            }
        case (.maximum, .s32):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in
                    loop32(p) { Int32(bitPattern: $0) > Int32(bitPattern: b) ? $0 : b }
                }
            }
        case (.increment, .u32):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in loop32(p) { $0 >= b ? 0 : $0 &+ 1 } }
            }
        case (.decrement, .u32):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in
                    loop32(p) { $0 == 0 || $0 > b ? b : $0 &- 1 }
                }
            }
        case (.add, .f32):
            return { r, i, m, c in
                // In global memory subnormals are flushed, in shared memory not, as documented.
                let base = c.pointee.arenaBase
                let size = c.pointee.arenaSize
                atomic(r, i, m, c, UInt32.self) { p, b, _ in
                    let flushes = UInt64(UInt(bitPattern: p)) &- base < size
                    return loop32(p) {
                        flushes
                            ? tinyToZero(singleSum(tinyToZero($0), tinyToZero(b)))
                            : singleSum($0, b)
                    }
                }
            }
        case (.add, .f16x2):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in
                    loop32(p) { packedSum($0, b, isBrain: false) }
                }
            }
        case (.add, .bf16x2):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt32.self) { p, b, _ in
                    loop32(p) { packedSum($0, b, isBrain: true) }
                }
            }
        default: return nil
        }
    }

    private static func doubleWord(_ operation: Operation, _ type: LaneType) -> Handler? {
        switch (operation, type) {
        case (.add, .u64), (.add, .s64):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in lane_atomic_add_u64(p, b) }
            }
        case (.exchange, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in lane_atomic_exchange_u64(p, b) }
            }
        case (.compareAndSwap, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, e in lane_atomic_compare_u64(p, b, e) }
            }
        case (.and, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in lane_atomic_and_u64(p, b) }
            }
        case (.or, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in lane_atomic_or_u64(p, b) }
            }
        case (.xor, _):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in lane_atomic_xor_u64(p, b) }
            }
        case (.minimum, .u64):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in loop64(p) { min($0, b) } }
            }
        case (.maximum, .u64):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in loop64(p) { max($0, b) } }
            }
        case (.minimum, .s64):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in
                    loop64(p) { Int64(bitPattern: $0) < Int64(bitPattern: b) ? $0 : b }
                }
            }
        case (.maximum, .s64):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in
                    loop64(p) { Int64(bitPattern: $0) > Int64(bitPattern: b) ? $0 : b }
                }
            }
        case (.add, .f64):
            return { r, i, m, c in
                atomic(r, i, m, c, UInt64.self) { p, b, _ in
                    loop64(p) { (Double(bitPattern: $0) + Double(bitPattern: b)).bitPattern }
                }
            }
        default: return nil
        }
    }

    /// 16 bytes: exchange, or compare (b, e) and swap (c, f); each operand's upper half is 256
    /// bytes behind its lower. d likewise.
    package static func wide(_ operation: Operation) -> Handler? {
        switch operation {
        case .exchange: return { r, i, m, c in atomic128(r, i, m, c, isExchange: true) }
        case .compareAndSwap: return { r, i, m, c in atomic128(r, i, m, c, isExchange: false) }
        default: return nil
        }
    }
}

@inline(__always)
private func atomic<T>(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _: T.Type,
    _ f: (UnsafeMutablePointer<T>, T, T) -> T
) {
    guard let mode = AddressMode(rawValue: i.pointee.mode) else { return }
    let size = UInt64(truncatingIfNeeded: MemoryLayout<T>.size)
    let found = scatterAny(r, i, m, context, mode, size)
    guard found else { return }
    context.pointee.spin &+= 1
    let b = lanes(r, i.pointee.b, T.self)
    let c = i.pointee.c >= 0 ? lanes(r, i.pointee.c, T.self) : b
    let pointers = context.pointee.pointers
    guard i.pointee.d >= 0 else {
        eachLane(m) { l in
            let p = UnsafeMutableRawPointer(pointers[l]).assumingMemoryBound(to: T.self)
            _ = f(p, b[l], c[l])
        }
        return
    }
    let d = lanes(r, i.pointee.d, T.self)
    eachLane(m) { l in
        let p = UnsafeMutableRawPointer(pointers[l]).assumingMemoryBound(to: T.self)
        d[l] = f(p, b[l], c[l])
    }
}

/// Checks every lane's address before the first one is changed.
@inline(never)
func scatterAny(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    _ mode: AddressMode,
    _ size: UInt64
) -> Bool {
    if case .scattered = scatter(r, i, m, context, mode, size, true) { return true }
    return false
}

@inline(__always)
private func loop16(_ p: UnsafeMutablePointer<UInt16>, _ f: (UInt16) -> UInt16) -> UInt16 {
    var old = lane_atomic_load_u16(p)
    while true {
        let seen = lane_atomic_compare_u16(p, old, f(old))
        if seen == old { return old }
        old = seen
    }
}

@inline(__always)
private func loop32(_ p: UnsafeMutablePointer<UInt32>, _ f: (UInt32) -> UInt32) -> UInt32 {
    var old = lane_atomic_load_u32(p)
    while true {
        let seen = lane_atomic_compare_u32(p, old, f(old))
        if seen == old { return old }
        old = seen
    }
}

@inline(__always)
private func loop64(_ p: UnsafeMutablePointer<UInt64>, _ f: (UInt64) -> UInt64) -> UInt64 {
    var old = lane_atomic_load_u64(p)
    while true {
        let seen = lane_atomic_compare_u64(p, old, f(old))
        if seen == old { return old }
        old = seen
    }
}

@inline(__always)
private func tinyToZero(_ bits: UInt32) -> UInt32 {
    bits & 0x7f80_0000 == 0 ? bits & 0x8000_0000 : bits
}

@inline(__always)
private func singleSum(_ a: UInt32, _ b: UInt32) -> UInt32 {
    let sum = Float(bitPattern: a) + Float(bitPattern: b)
    return sum == sum ? sum.bitPattern : 0x7fff_ffff
}

private func sum(_ a: UInt32, _ b: UInt32, isBrain: Bool) -> UInt16 {
    let x = SIMD8<UInt16>(repeating: UInt16(truncatingIfNeeded: a))
    let y = SIMD8<UInt16>(repeating: UInt16(truncatingIfNeeded: b))
    return isBrain
        ? lane_bf16_from_f32(lane_f32_from_bf16(x) + lane_f32_from_bf16(y))[0]
        : lane_f16_from_f32(lane_f32_from_f16(x) + lane_f32_from_f16(y))[0]
}

private func packedSum(_ a: UInt32, _ b: UInt32, isBrain: Bool) -> UInt32 {
    let low = sum(a, b, isBrain: isBrain)
    let high = sum(a >> 16, b >> 16, isBrain: isBrain)
    return UInt32(low) | UInt32(high) << 16
}

private func atomic128(
    _ r: Registers,
    _ i: Instruction,
    _ m: UInt32,
    _ context: Context,
    isExchange: Bool
) {
    guard let mode = AddressMode(rawValue: i.pointee.mode),
        scatterAny(r, i, m, context, mode, 16)
    else { return }
    context.pointee.spin &+= 1
    let b = lanes(r, i.pointee.b, UInt64.self)
    let c = lanes(r, i.pointee.c, UInt64.self)
    eachLane(m) { l in
        let p = UnsafeMutableRawPointer(context.pointee.pointers[l])
        let words = p.assumingMemoryBound(to: UInt64.self)
        var old = (isExchange ? words[0] : b[l], isExchange ? words[1] : b[l &+ 32])
        let new = isExchange ? b : c
        while true {
            let expected = old
            withUnsafeMutablePointer(to: &old) { words in
                let pair = UnsafeMutableRawPointer(words).assumingMemoryBound(to: UInt64.self)
                lane_atomic_compare_128(p, pair, new[l], new[l &+ 32])
            }
            if !isExchange || old == expected { break }
        }
        if i.pointee.d >= 0 {
            let d = lanes(r, i.pointee.d, UInt64.self)
            d[l] = old.0
            d[l &+ 32] = old.1
        }
    }
}

/// Where the elements of fragments lie: the formulas of the PTX ISA, "Matrix Fragments for
/// mma.m*n*k*", written down shape by shape. g is `%laneid >> 2`, t is `%laneid % 4`, i counts the
/// elements that a thread holds.
struct FragmentLayout: Sendable {
    typealias Place = @Sendable (_ g: Int, _ t: Int, _ i: Int) -> (row: Int, column: Int)

    let m, n, k: Int
    /// Elements of each thread.
    let aCount, bCount, cCount: Int
    let a, b, c: Place

    /// Accumulators of m16n8: c0, c1 in row g, c2, c3 in row g + 8.
    static let tall: Place = { g, t, i in (i < 2 ? g : g + 8, t * 2 + (i & 1)) }
    /// Accumulators of m8n8.
    static let flat: Place = { g, t, i in (g, t * 2 + (i & 1)) }

    static let m16n8k8Half = FragmentLayout(
        m: 16,
        n: 8,
        k: 8,
        aCount: 4,
        bCount: 2,
        cCount: 4,
        a: { g, t, i in (i < 2 ? g : g + 8, t * 2 + (i & 1)) },
        b: { g, t, i in (t * 2 + i, g) },
        c: tall
    )
    static let m16n8k16Half = FragmentLayout(
        m: 16,
        n: 8,
        k: 16,
        aCount: 8,
        bCount: 4,
        cCount: 4,
        a: { g, t, i in
            (
                (0..<2).contains(i) || (4..<6).contains(i) ? g : g + 8,
                i < 4 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8
            )
        },
        b: { g, t, i in (i < 2 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8, g) },
        c: tall
    )
    static let m16n8k4 = FragmentLayout(
        m: 16,
        n: 8,
        k: 4,
        aCount: 2,
        bCount: 1,
        cCount: 4,
        a: { g, t, i in (i == 0 ? g : g + 8, t) },
        b: { g, t, _ in (t, g) },
        c: tall
    )
    static let m16n8k8Single = FragmentLayout(
        m: 16,
        n: 8,
        k: 8,
        aCount: 4,
        bCount: 2,
        cCount: 4,
        a: { g, t, i in (i == 0 || i == 2 ? g : g + 8, i < 2 ? t : t + 4) },
        b: { g, t, i in (i == 0 ? t : t + 4, g) },
        c: tall
    )
    static let m8n8k4 = FragmentLayout(
        m: 8,
        n: 8,
        k: 4,
        aCount: 1,
        bCount: 1,
        cCount: 2,
        a: { g, t, _ in (g, t) },
        b: { g, t, _ in (t, g) },
        c: flat
    )
    static let m16n8k16Double = FragmentLayout(
        m: 16,
        n: 8,
        k: 16,
        aCount: 8,
        bCount: 4,
        cCount: 4,
        a: { g, t, i in (i % 2 == 0 ? g : g + 8, i % 2 == 0 ? i * 2 + t : i * 2 - 2 + t) },
        b: { g, t, i in ([t, t + 4, t + 8, t + 12][i], g) },
        c: tall
    )
    static let m8n8k16 = FragmentLayout(
        m: 8,
        n: 8,
        k: 16,
        aCount: 4,
        bCount: 4,
        cCount: 2,
        a: { g, t, i in (g, t * 4 + i) },
        b: { g, t, i in (t * 4 + i, g) },
        c: flat
    )
    static let m16n8k16Byte = FragmentLayout(
        m: 16,
        n: 8,
        k: 16,
        aCount: 8,
        bCount: 4,
        cCount: 4,
        a: { g, t, i in (i < 4 ? g : g + 8, t * 4 + (i & 3)) },
        b: { g, t, i in (t * 4 + i, g) },
        c: tall
    )
    static let m16n8k32Byte = FragmentLayout(
        m: 16,
        n: 8,
        k: 32,
        aCount: 16,
        bCount: 8,
        cCount: 4,
        a: { g, t, i in
            (
                (0..<4).contains(i) || (8..<12).contains(i) ? g : g + 8,
                i < 8 ? t * 4 + (i & 3) : t * 4 + (i & 3) + 16
            )
        },
        b: { g, t, i in (i < 4 ? t * 4 + (i & 3) : t * 4 + (i & 3) + 16, g) },
        c: tall
    )
    static let m8n8k32 = FragmentLayout(
        m: 8,
        n: 8,
        k: 32,
        aCount: 8,
        bCount: 8,
        cCount: 2,
        a: { g, t, i in (g, t * 8 + i) },
        b: { g, t, i in (t * 8 + i, g) },
        c: flat
    )
    static let m16n8k32Nibble = FragmentLayout(
        m: 16,
        n: 8,
        k: 32,
        aCount: 16,
        bCount: 8,
        cCount: 4,
        a: { g, t, i in (i < 8 ? g : g + 8, t * 8 + (i & 7)) },
        b: { g, t, i in (t * 8 + i, g) },
        c: tall
    )
    static let m16n8k64 = FragmentLayout(
        m: 16,
        n: 8,
        k: 64,
        aCount: 32,
        bCount: 16,
        cCount: 4,
        a: { g, t, i in
            (
                (0..<8).contains(i) || (16..<24).contains(i) ? g : g + 8,
                i < 16 ? t * 8 + (i & 7) : t * 8 + (i & 7) + 32
            )
        },
        b: { g, t, i in (i < 8 ? t * 8 + (i & 7) : t * 8 + (i & 7) + 32, g) },
        c: tall
    )
    static let m8n8k128 = FragmentLayout(
        m: 8,
        n: 8,
        k: 128,
        aCount: 32,
        bCount: 32,
        cCount: 2,
        a: { g, t, i in (g, t * 32 + i) },
        b: { g, t, i in (t * 32 + i, g) },
        c: flat
    )
    static let m16n8k128 = FragmentLayout(
        m: 16,
        n: 8,
        k: 128,
        aCount: 64,
        bCount: 32,
        cCount: 4,
        a: { g, t, i in (i < 32 ? g : g + 8, t * 32 + (i & 31)) },
        b: { g, t, i in (t * 32 + i, g) },
        c: tall
    )
    static let m16n8k256 = FragmentLayout(
        m: 16,
        n: 8,
        k: 256,
        aCount: 128,
        bCount: 64,
        cCount: 4,
        a: { g, t, i in
            (
                (0..<32).contains(i) || (64..<96).contains(i) ? g : g + 8,
                i < 64 ? t * 32 + (i & 31) : t * 32 + (i & 31) + 128
            )
        },
        b: { g, t, i in (i < 32 ? t * 32 + (i & 31) : t * 32 + (i & 31) + 128, g) },
        c: tall
    )
}

import CLinux
import Foundation
import Testing

/// Suites that measure time or spin: one after the other, or they would disturb each other.
@Suite(.serialized) struct LinkTests {}

/// A measurement that was repeated until it was right, and whether others disturbed it.
struct Tries: CustomStringConvertible {
    private(set) var figures: [Double] = []
    /// The part of one processor that other programs took, for each.
    private(set) var foreign: [Double] = []

    /// Whether the last one was right.
    private(set) var isRight = false

    private static let most = 15
    private static let tolerable = 0.1

    /// Repeats `body` until `isRight`, up to 15 times.
    static func run(until isRight: (Double) -> Bool, _ body: () throws -> Double) rethrows -> Tries
    {
        var tries = Tries()
        while tries.figures.count < most {
            let before = (own: ownSeconds(), all: allSeconds(), time: ferry_now_ns())
            tries.figures.append(try body())
            let elapsed = max(1e-3, Double(ferry_now_ns() - before.time) / 1e9)
            let others = (allSeconds() - before.all) - (ownSeconds() - before.own)
            tries.foreign.append(max(0, others) / elapsed)
            tries.isRight = tries.figures.last.map(isRight) == true
            if tries.isRight { break }
            usleep(200_000)
        }
        return tries
    }

    /// Whether none was right, and other programs took processors during every one.
    var wereDisturbed: Bool { !isRight && foreign.allSatisfy { $0 > Self.tolerable } }

    /// For the log.
    var remark: String {
        let least = (foreign.min() ?? 0) * 100
        return wereDisturbed
            ? "(not judged: others took at least \(Int(least)) % of a processor)" : ""
    }

    var description: String { "\(figures), others: \(foreign)" }

    /// Seconds of processors that this process has used.
    private static func ownSeconds() -> Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF, &usage)
        let parts = [usage.ru_utime, usage.ru_stime]
        return parts.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }

    /// Seconds of processors that were used by anybody, the host of a virtual machine included.
    private static func allSeconds() -> Double {
        let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap {
            Double($0)
        }
        guard fields.count >= 8 else { return 0 }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]) / ticks
    }
}

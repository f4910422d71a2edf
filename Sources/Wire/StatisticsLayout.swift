// Layouts of the files in which the client library leaves its counts and its trace
// (docs/formats/statistics.md). Little-endian; written by the client library, read by `ferry`.

/// The counts of one process: a header and a row for each entry point.
package enum StatisticsLayout {
    package static let magic: StaticString = "FERRYST1"
    package static let process = 8  // u32
    package static let rowCount = 12  // u32
    package static let program = 32  // 32 bytes, NUL-padded
    package static let headerSize = 128

    // Each row; one without a name was never used.
    package static let name = 0  // NUL-padded
    package static let nameSize = 80
    package static let calls = 80  // u64
    package static let failures = 88  // u64: calls that did not return CUDA_SUCCESS
    package static let roundTrips = 96  // u64
    package static let bytesSent = 104  // u64
    package static let bytesReceived = 112  // u64
    package static let waited = 120  // u64, nanoseconds
    package static let rowSize = 128

    /// Rows of a file: entry points of the description, and one for what no call asked for.
    package static let maxRows = 1024
    package static let otherRow = maxRows - 1

    /// Offset of a row.
    package static func row(_ index: Int) -> Int { headerSize + rowSize * index }
    package static let fileSize = headerSize + rowSize * maxRows
}

/// The calls of one process, in the order of their ends.
package enum TraceLayout {
    package static let magic: StaticString = "FERRYTR1"
    package static let count = 8  // u64: calls so far, those that did not fit included
    package static let headerSize = 64

    // Each event:
    package static let start = 0  // u64, nanoseconds of CLOCK_MONOTONIC
    package static let duration = 8  // u64, nanoseconds; 0: never ended
    package static let waited = 16  // u64, nanoseconds of it spent waiting for the server
    package static let thread = 24  // u32
    package static let call = 28  // i16: row of the counts, from 1
    package static let result = 30  // u16: what the call returned, a CUresult
    package static let eventSize = 32

    /// Events of a file; what comes later is only counted.
    package static let maxEvents = 4 << 20
    /// Events for which space is taken at a time; divides `maxEvents`.
    package static let growth = 32 << 10

    /// Offset of an event.
    package static func event(_ index: Int) -> Int { headerSize + eventSize * index }
    package static let fileSize = headerSize + eventSize * maxEvents
}

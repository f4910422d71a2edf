internal import Wire

/// What of a record is needed to answer it after its buffer is gone.
struct Ticket: Sendable {
    var opcode: Opcode
    var wantsReply: Bool
    var sequence: UInt32
    var context: UInt32

    @inline(__always)
    init(_ record: Record) {
        opcode = record.opcode
        wantsReply = record.wantsReply
        sequence = record.sequence
        context = record.context
    }
}

internal import CLinux
internal import Transport
internal import Wire

// Asynchronous copies to the host: the channel carries what the GPU is done with, and never waits for it
// (docs/adr/0016).
extension BulkChannel {
    /// The client takes pieces on this channel from now on, until it ends.
    borrowing func deliver(_ frame: BulkFrame) throws(SocketError) {
        let readsLent = frame.slot & BulkFrame.readsLent != 0
        let mayPack = frame.slot & BulkFrame.readsPacked != 0
        defer { bulk.ready.close() }
        // Those in lent memory that the client has been shown and has not read yet.
        var shown = BulkQueue<ReadyPieces.Piece?>(none: nil)
        // The copy that the pieces before belong to.
        var copy: UInt32?
        while true {
            if shown.isFull { try finishShown(&shown) }
            guard let piece = bulk.ready.take(isWaiting: shown.isEmpty) else {
                if shown.isEmpty { throw SocketError(ECANCELED, .receive) }
                try finishShown(&shown)
                continue
            }
            if readsLent, case .slot(let index, _) = piece.memory {
                shown.append(piece)
                try carrier.pointee.send(filled(piece, index), to: channel)
                continue
            }
            defer { bulk.ready.finish(piece) }
            if copy != piece.sequence {
                if copy != nil { carrier.pointee.end() }
                carrier.pointee.begin(mayPack: mayPack)
                copy = piece.sequence
            }
            try carrier.pointee.send(
                UnsafeRawBufferPointer(start: piece.memory.data, count: piece.length),
                offset: piece.offset,
                transfer: UInt64(piece.sequence),
                to: channel
            )
        }
    }

    private borrowing func filled(_ piece: ReadyPieces.Piece, _ slot: Int) -> BulkFrame {
        BulkFrame(
            .filled,
            length: piece.length,
            offset: piece.offset,
            slot: UInt32(slot),
            transfer: UInt64(piece.sequence)
        )
    }

    /// Waits until the client has read the piece that was shown first.
    private borrowing func finishShown(
        _ shown: inout BulkQueue<ReadyPieces.Piece?>
    ) throws(SocketError) {
        guard let piece = shown.removeFirst() else { return }
        defer { bulk.ready.finish(piece) }
        guard case .slot(let index, _) = piece.memory, try takenSlot() == index else {
            throw SocketError(EPROTO, .receive)
        }
    }
}

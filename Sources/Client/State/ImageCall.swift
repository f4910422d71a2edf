internal import Driver
internal import Wire

/// A call that uses an image, which the server may have kept.
enum ImageCall {
    /// How a call ended.
    struct Result {
        /// What the program is told.
        var status: Int32 = 0
        /// The call's own status, whatever an earlier call without a reply has left behind; `nil`
        /// without a reply.
        var own: Int32?

        /// Whether the server's driver was asked and did not take the image.
        var isRefused: Bool { own.map { $0 > 0 } ?? false }
    }

    /// Makes the call: with the image's name if the server may have it, else or then with its bytes.
    ///
    /// - Parameter call: Makes the call, with what it is given in the stream in front of it.
    static func perform(
        _ state: UnsafeMutablePointer<SessionState>,
        _ image: borrowing OutgoingImage,
        context: UInt32,
        _ call: (_ before: () -> Void) -> Result
    ) -> Result {
        guard let kept = state.pointee.keptImages, image.count >= ImageName.smallestImage else {
            return checked(state, call { image.send(state, context: context) })
        }
        let name = image.name()
        // A small image takes less time than a question that may be answered with no.
        if image.count > ImageName.largestSentAtOnce || kept.contains(name) {
            let result = call { OutgoingImage.send(state, name, context: context) }
            if result.own != ImageName.missing {
                if result.own == 0 { kept.add(name) }
                return result
            }
        }
        let result = checked(state, call { image.send(state, context: context) })
        if result.own == 0 { kept.add(name) }
        return result
    }

    /// An image cannot be missing whose bytes were sent.
    private static func checked(
        _ state: UnsafeMutablePointer<SessionState>,
        _ result: Result
    ) -> Result {
        guard result.own == ImageName.missing else { return result }
        Replies.loseConnection(state)
        return Result(status: Status.deviceUnavailable, own: nil)
    }
}

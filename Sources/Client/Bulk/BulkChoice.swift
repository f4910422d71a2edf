internal import CLinux
package import Transport
internal import Wire

/// How many bulk channels a session wants.
package enum BulkChoice {
    /// For this process: what FERRY_BULK_CHANNELS says (0 to 4; 0: none), else what suits.
    static func channels(_ channel: Channel) -> Int {
        if let text = getenv("FERRY_BULK_CHANNELS"), text[0] >= 48, text[0] <= 52, text[1] == 0 {
            return Int(text[0]) - 48
        }
        return channels(
            channel.transport,
            processors: Int(ferry_processors()),
            isEmulated: channel.isEmulated
        )
    }

    /// Whether bytes may be compressed where that pays: unless FERRY_COMPRESSION says `off`.
    static var mayPack: Bool {
        guard let text = getenv("FERRY_COMPRESSION") else { return true }
        return strcmp(text, "off") != 0
    }

    /// One processor encrypts 1 to 1.5 GB/s, which several channels share; two connections fill a
    /// fast network better than one (facts/performance.md §3.3). Within a host one copies as fast as
    /// memory is. A network that is played is one for each connection, so there is only one.
    package static func channels(
        _ transport: Channel.Transport,
        processors: Int,
        isEmulated: Bool
    ) -> Int {
        if isEmulated { return 1 }
        return switch transport {
        case .tls: min(BulkFrame.mostChannels, max(1, processors / 2))
        case .tcp: processors >= 4 ? 2 : 1
        case .unix, .shm: 1
        }
    }
}

import Client
import Testing
import Transport

@Suite struct BulkChoiceTests {
    @Test(arguments: [
        (Channel.Transport.tls, 1, 1), (.tls, 2, 1), (.tls, 4, 2), (.tls, 8, 4), (.tls, 64, 4),
        (.tcp, 1, 1), (.tcp, 2, 1), (.tcp, 4, 2), (.tcp, 64, 2), (.unix, 64, 1), (.shm, 64, 1),
    ])
    func `as many as suit`(transport: Channel.Transport, processors: Int, expected: Int) {
        let plain = BulkChoice.channels(transport, processors: processors, isEmulated: false)
        #expect(plain == expected)
        #expect(BulkChoice.channels(transport, processors: processors, isEmulated: true) == 1)
    }
}

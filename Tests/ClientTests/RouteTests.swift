import Client
import Testing
import Transport
import Wire

@Suite struct RouteTests {
    @Test func `the fastest that may work comes first`() {
        for security in [Security.tls, .clear] {
            let both = Route.all(.auto, hasSocket: true, security: security)
            #expect(both == [.local(.ifPossible), .tcp])
            #expect(Route.all(.auto, hasSocket: false, security: security) == [.tcp])
        }
    }

    @Test(arguments: TransportChoice.allCases.filter { $0 != .auto })
    func `what was asked for by name is never replaced`(_ choice: TransportChoice) {
        for (hasSocket, security) in [(false, Security.tls), (true, .tls), (true, .clear)] {
            let routes = Route.all(choice, hasSocket: hasSocket, security: security)
            #expect(routes.count <= 1)
            switch choice {
            case .shm: #expect(routes == (hasSocket ? [.local(.must)] : []))
            case .unix: #expect(routes == (hasSocket ? [.local(.no)] : []))
            case .tcp: #expect(routes == (security == .clear ? [.tcp] : []))
            case .tls: #expect(routes == (security == .tls ? [.tcp] : []))
            case .auto: Issue.record("not a name")
            }
        }
    }

    @Test func `an offer is made only where there is something to agree on`() {
        #expect(!Route.tcp.wish(LinkShape()).needsOffer)
        #expect(!Route.local(.no).wish(LinkShape()).needsOffer)
        #expect(Route.local(.ifPossible).wish(LinkShape()).needsOffer)
        #expect(Route.tcp.wish(LinkShape(delay: 1)).needsOffer)
    }
}

import CLI
import Foundation
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("gpu1", "gpu1", 56001), ("gpu1:7", "gpu1", 7), ("10.0.0.1:7", "10.0.0.1", 7),
        ("::1", "::1", 56001), ("[::1]", "::1", 56001), ("[fe80::1]:99", "fe80::1", 99),
    ])
    func serversAreRead(_ text: String, _ host: String, _ port: Int) throws {
        let endpoint = try Endpoint(text)
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
    }

    @Test(arguments: [
        "", ":", ":1", "a:", "a:0", "a:65536", "a:x", "a b", "[::1", "[::1]x", "a/b", "a:1:",
    ])
    func nonsenseIsRefused(_ text: String) {
        // An address with several colons is taken for IPv6 and fails when it is looked up.
        if let endpoint = try? Endpoint(text) {
            #expect(endpoint.host.contains(":"))
            #expect(!endpoint.isNumeric)
        }
    }

    @Test func numbersNeedNoLookUp() throws {
        #expect(try Endpoint("[::1]:5").addresses() == ["::1"])
        #expect(try Endpoint("127.0.0.1").addresses() == ["127.0.0.1"])
        #expect(try Endpoint("::1").description == "[::1]:56001")
    }
}

@Suite struct ClientFileTests {
    @Test func thePlacesAreSearchedInOrder() {
        let environment = Environment(entries: ["HOME=/h", "FERRY_CLIENT_FILE=/v"])
        #expect(ClientFile.candidates(named: "/n", environment: environment) == ["/n"])
        #expect(ClientFile.candidates(named: nil, environment: environment) == ["/v"])
        let plain = Environment(entries: ["HOME=/h", "FERRY_CLIENT_FILE="])
        #expect(
            ClientFile.candidates(named: nil, environment: plain)
                == ["/h/.config/ferry/client.json", "/etc/ferry/client.json"]
        )
    }

    @Test(arguments: ["", "x", "{}", #"{"version":2,"address":"a","ca":"","token":""}"#])
    func whatIsNoClientFileIsSaid(_ text: String) throws {
        let path = FileManager.default.temporaryDirectory.path + "/ferry-\(UUID().uuidString)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let failure = #expect(throws: Failure.self) {
            try ClientFile.load(named: path, environment: Environment(entries: []))
        }
        #expect(failure?.message.contains(path) == true)
    }
}

@Suite struct EnvironmentTests {
    @Test func whatLibrariesAreTold() {
        var one = Environment(entries: ["A=1"])
        one.tellLibraries(isSoftware: false, gpus: 1)
        #expect(one.entries == ["A=1"])
        var several = Environment(entries: ["A=1"])
        several.tellLibraries(isSoftware: true, gpus: 2)
        #expect(several.entries == ["A=1", "CUPY_COMPILE_WITH_PTX=1", "NCCL_P2P_LEVEL=SYS"])
        var own = Environment(entries: ["NCCL_P2P_LEVEL=PXB", "CUPY_COMPILE_WITH_PTX=0"])
        own.tellLibraries(isSoftware: true, gpus: 8)
        #expect(own.entries == ["NCCL_P2P_LEVEL=PXB", "CUPY_COMPILE_WITH_PTX=0"])
    }

    @Test func theClientLibraryComesFirst() {
        var empty = Environment(entries: ["A=1"])
        empty.putFirstInLibraryPath("/f")
        #expect(empty.entries == ["A=1", "LD_LIBRARY_PATH=/f"])
        var old = Environment(entries: ["LD_LIBRARY_PATH=/x:/y", "A=1"])
        old.putFirstInLibraryPath("/f")
        #expect(old.entries == ["LD_LIBRARY_PATH=/f:/x:/y", "A=1"])
        var blank = Environment(entries: ["LD_LIBRARY_PATH="])
        blank.putFirstInLibraryPath("/f")
        #expect(blank.entries == ["LD_LIBRARY_PATH=/f"])
    }

    @Test func theRestIsLeftAlone() {
        var environment = Environment(entries: ["A=1", "A=2", "AB=3", "odd"])
        #expect(environment["A"] == "1")
        environment["A"] = nil
        #expect(environment.entries == ["AB=3", "odd"])
    }
}

@Suite struct LeaseFileTests {
    @Test func itIsPrivateAndGoes() throws {
        let folder = FileManager.default.temporaryDirectory.path
        let text = LeaseFile.text(
            lease: "ab",
            secret: "cd",
            address: "::1",
            dataPort: 5,
            gpus: 2,
            security: "tls"
        )
        #expect(text == "ferry-lease 1\nlease ab\nsecret cd\nserver ::1 5 2 tls\n")
        let file = try LeaseFile(folders: ["/no/such/folder", folder]) { _ in text }
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try String(contentsOfFile: file.path, encoding: .utf8) == text)
        let parent = URL(filePath: file.path).deletingLastPathComponent().path
        file.remove()
        #expect(!FileManager.default.fileExists(atPath: parent))
        #expect(throws: Failure.self) {
            try LeaseFile(folders: ["/no/such/folder"]) { _ in text }
        }
    }
}

@Suite struct TextTableTests {
    @Test func columnsAreAsWideAsTheirWidestCell() {
        var table = TextTable(["A", "LONG"])
        table.add(["wide", "x"])
        #expect(table.text == "A     LONG\nwide  x")
    }
}

internal import FoundationEssentials
internal import Pool

/// The body of `POST /v1/leases`.
struct LeaseBody: Decodable {
    var gpus: Int
    var memoryFraction: Double?
    var memoryMib: Int64?
    var client: Client

    struct Client: Decodable {
        var host: String
        var user: String
        var pid: Int64
        var command: String

        private enum CodingKeys: String, CodingKey, CaseIterable {
            case host, user, pid, command
        }

        init(from decoder: any Decoder) throws {
            try StrictKeys.check(decoder, CodingKeys.self)
            let values = try decoder.container(keyedBy: CodingKeys.self)
            host = try values.decode(String.self, forKey: .host)
            user = try values.decode(String.self, forKey: .user)
            pid = try values.decode(Int64.self, forKey: .pid)
            command = try values.decode(String.self, forKey: .command)
        }
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case gpus
        case memoryFraction = "memory_fraction"
        case memoryMib = "memory_mib"
        case client
    }

    init(from decoder: any Decoder) throws {
        try StrictKeys.check(decoder, CodingKeys.self)
        let values = try decoder.container(keyedBy: CodingKeys.self)
        gpus = try values.decode(Int.self, forKey: .gpus)
        memoryFraction = try values.decodeIfPresent(Double.self, forKey: .memoryFraction)
        memoryMib = try values.decodeIfPresent(Int64.self, forKey: .memoryMib)
        client = try values.decode(Client.self, forKey: .client)
    }

    /// From a request's body.
    ///
    /// - Throws: `Problem` with what is wrong.
    static func decode(_ bytes: [UInt8]) throws(Problem) -> LeaseBody {
        do {
            return try JSONDecoder().decode(LeaseBody.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw Problem(.badRequest, describe(error))
        } catch {
            throw Problem(.badRequest, "the body is not JSON")
        }
    }

    /// The wish that it is.
    func request() throws(Problem) -> LeaseRequest {
        for (name, text, limit) in [
            ("host", client.host, 255), ("user", client.user, 255),
            ("command", client.command, 1024),
        ] where text.utf8.count > limit {
            throw Problem(.badRequest, "client.\(name) is longer than \(limit) bytes")
        }
        do {
            return try LeaseRequest(
                gpus: gpus,
                fraction: memoryFraction,
                mebibytes: memoryMib,
                client: ClientDescription(
                    host: client.host,
                    user: client.user,
                    pid: client.pid,
                    command: client.command
                )
            )
        } catch {
            throw Problem(error)
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.isEmpty
                ? "the body" : context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context):
            "\(path(context)): '\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(path(context)) has the wrong type"
        case .dataCorrupted(let context): "\(path(context)): \(context.debugDescription)"
        @unknown default: "the body cannot be read"
        }
    }
}

/// Refuses names that nobody knows: a misspelt `memory_mib` must not become a whole GPU.
private enum StrictKeys {
    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    static func check<Keys: CodingKey & CaseIterable>(
        _ decoder: any Decoder,
        _ keys: Keys.Type
    ) throws {
        let known = Set(keys.allCases.map(\.stringValue))
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys
        where !known.contains(key.stringValue) {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "'\(LogText.clean(key.stringValue))' is not known"
                )
            )
        }
    }
}

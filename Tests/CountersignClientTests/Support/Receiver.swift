import Countersign
import CountersignClient
import Logging
import Testing

/// A key source, the issuer behind it and the time they live in.
struct Receiver {
    let time = ManualTime()
    let transport: ScriptedTransport
    let keys: RemoteKeySource

    init(configuration: RemoteKeySource.Configuration = .init(), script: @escaping ScriptedTransport.Script) throws {
        transport = ScriptedTransport(try World.certificate(), time: time, script)
        keys = RemoteKeySource(
            try IssuerClient([World.address], transport: transport, time: time.time, logger: .silent),
            configuration: configuration
        )
    }

    static func good(_ keys: JWKSet, headers: [(name: String, value: String)] = []) -> ScriptedTransport.Script {
        let headers = [(name: "Content-Type", value: "application/jwk-set+json")] + headers
        return { _, _ throws(TokenError) in World.plain(200, String(decoding: keys.json, as: UTF8.self), headers) }
    }

    /// Keeps the set fresh for as long as `body` takes, which begins when there is one.
    func running<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keys.run() }
            defer { group.cancelAll() }
            await eventually("ready") { keys.isReady }
            return try await body()
        }
    }
}

import Testing

/// Gives all tests of a suite one folder, or one issuer that runs on it: both cost more than most tests.
///
/// The issuer is stopped after the last test, and must have been alive until then and end with 0.
struct IssuerScope: SuiteTrait, TestScoping {
    let isRunning: Bool

    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        let folder = try IssuerFolder()
        try await IssuerFolder.$current.withValue(folder) {
            guard isRunning else { return try await body() }
            let issuer = try await RunningIssuer.start(folder)
            try await RunningIssuer.$current.withValue(issuer) { try await body() }
            let log = try issuer.log()
            #expect(issuer.isRunning, "the issuer ended by itself:\n\(log)")
            #expect(try await issuer.stop() == 0)
        }
    }
}

extension Trait where Self == IssuerScope {
    /// `IssuerFolder.current` in every test of the suite.
    static var issuerFolder: Self { IssuerScope(isRunning: false) }

    /// `RunningIssuer.current` in every test of the suite.
    static var runningIssuer: Self { IssuerScope(isRunning: true) }
}

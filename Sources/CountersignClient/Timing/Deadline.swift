extension ClientTime {
    /// Runs `work`, and cancels it when it takes longer than `limit`.
    ///
    /// - Throws: what `work` throws, or `late`. Returns only when the work has ended, so it has to heed cancellation.
    package func limit<Value: Sendable>(
        to limit: Duration,
        orThrow late: TokenError,
        _ work: @escaping @Sendable () async throws(TokenError) -> Value
    ) async throws(TokenError) -> Value {
        let outcome = await withTaskGroup(of: Result<Value, TokenError>?.self) { group in
            group.addTask {
                do throws(TokenError) {
                    return .success(try await work())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                // A sleep that was cut short means that the work is done, or that everything was cancelled and it is ending.
                guard (try? await sleep(limit)) != nil else { return nil }
                return .failure(late)
            }
            for await outcome in group {
                guard let outcome else { continue }
                group.cancelAll()
                return outcome
            }
            return .failure(TokenError.cancelled)
        }
        return try outcome.get()
    }
}

/// Requests that were answered 503 because the server had enough to do: told at most once a second for each event loop.
public struct OverloadNotice: Sendable {
    /// The stable reason code, for the log.
    public static let code = "server-overloaded"

    /// How many requests were refused in the second before, on one event loop.
    public let refused: Int
    /// Who was refused most often, as ``MutualTLSServerConfiguration/callerKey`` names it.
    public let mostRefused: String
}

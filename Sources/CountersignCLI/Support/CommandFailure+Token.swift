import CountersignClient

extension CommandFailure {
    /// "The issuer said no" is an answer; "the issuer could not be asked" is not; an address that is none is wrong usage.
    init(_ error: TokenError) {
        let message = error.oauthCode.map { "\($0): \(error.message)" } ?? error.message
        switch error.code {
        case .refused, .certificateRefused: self = .no(message, hint: error.hint)
        case .invalidRequest: self = .usage(message, hint: error.hint)
        default: self = .software(message, hint: error.hint)
        }
    }
}

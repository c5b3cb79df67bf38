/// The answer to one ``Authenticator/authenticate(peer:authorization:requiring:at:)``.
public enum Verdict: Sendable {
    case accepted(VerifiedCaller)
    case refused(Refusal)

    /// The caller, or the refusal as an error.
    public func get() throws(Refusal) -> VerifiedCaller {
        switch self {
        case .accepted(let caller): return caller
        case .refused(let refusal): throw refusal
        }
    }

    /// The ordered checks with what became of each. For logs and for people who ask why; the peer sees none of it.
    public var checks: [Check] {
        let failedStep: Reason.Step? = if case .refused(let refusal) = self { refusal.reason.step } else { nil }
        return Reason.Step.allCases.map { step in
            guard let failedStep, step >= failedStep else { return Check(step: step, outcome: .passed) }
            return Check(step: step, outcome: step == failedStep ? .failed : .notReached)
        }
    }

    /// One of the ordered checks.
    public struct Check: Hashable, Sendable {
        public enum Outcome: String, Sendable { case passed, failed, notReached = "not-reached" }

        public let step: Reason.Step
        public let outcome: Outcome
    }
}

/// What a route asks of a caller beyond being one: roles, scopes, and combinations of them.
public indirect enum Requirement: Sendable, Hashable {
    /// Any verified caller.
    case none
    case role(String)
    case scope(String)
    /// Every one; an empty list asks nothing.
    case all([Requirement])
    /// At least one; an empty list admits nobody.
    case any([Requirement])
    /// Excludes those who fulfil it: `.all([.role("writer"), .not(.role("suspended"))])`. `.not(.none)` admits nobody.
    case not(Requirement)

    /// `nil` when the caller holds what is asked, else the first thing that is wrong (`role-missing`, `scope-missing` or
    /// `requirement-excluded`).
    public func refusal(for caller: VerifiedCaller) -> Refusal? {
        switch self {
        case .none:
            return nil
        case .role(let role):
            return caller.hasRole(role)
                ? nil : Refusal(.roleMissing, "\(caller.service) does not hold the role \(role) at \(caller.audience)")
        case .scope(let scope):
            return caller.hasScope(scope)
                ? nil
                : Refusal(
                    .scopeMissing,
                    "\(caller.service) does not hold the scope \(scope) at \(caller.audience)",
                    missingScopes: [scope]
                )
        case .all(let requirements):
            return requirements.lazy.compactMap { $0.refusal(for: caller) }.first
        case .any(let requirements):
            var first: Refusal?
            for requirement in requirements {
                guard let refusal = requirement.refusal(for: caller) else { return nil }
                first = first ?? refusal
            }
            return first ?? Refusal(.roleMissing, "the route admits nobody")
        case .not(let requirement):
            return requirement.refusal(for: caller) == nil
                ? Refusal(.requirementExcluded, "the route excludes what \(caller.service) holds at \(caller.audience)") : nil
        }
    }
}

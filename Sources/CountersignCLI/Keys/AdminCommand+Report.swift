import CountersignIssuer
import CountersignJSON

extension AdminCommand {
    /// Whether a report is that of this command, as docs/reference/http.md describes it, with all that the commands print of it.
    ///
    /// What another server answers is no report: printed, it would tell of something that was not done.
    func isReported(by report: JSONObject) -> Bool {
        switch self {
        case .listKeys:
            report.has("keys") { $0.hasTexts("kid", "state", "since") && $0.hasTextOrNull("nextChange") }
                && report.has("receivers") { $0.hasTexts("name") }
                && report.has("history") { $0.hasTexts("at", "who", "what") }
        case .rotate:
            report.hasTexts("kid") && report.hasTextOrNull("signsFrom") && report.hasTextOrNull("promoted")
                && report.hasTextOrNull("promotion") && report.hasStanding && report.integer("announceFor") != nil
                && report.strings("warnings") != nil
        case .revoke(let kid):
            report.string("kid")?.utf8.starts(with: kid.utf8) == true && report.hasTexts("was")
                && report.hasTextOrNull("successor") && report.hasTextOrNull("promotion")
                && report.integer("announceFor") != nil && report.hasBound && report.strings("warnings") != nil
        case .listDenied:
            report.has("denied") { $0.hasTexts("kind", "value", "since") && $0.hasTextOrNull("notBefore") } && report.hasBound
        case .deny(let subject, _):
            report.isDenial(of: subject, isDenied: true)
        case .allow(let subject):
            report.isDenial(of: subject, isDenied: false)
        }
    }
}

extension JSONObject {
    fileprivate func hasTexts(_ names: String...) -> Bool {
        names.allSatisfy { string($0) != nil }
    }

    fileprivate func hasTextOrNull(_ name: String) -> Bool {
        string(name) != nil || self[name] == .null
    }

    /// Whether there is an array of nothing but such objects.
    fileprivate func has(_ name: String, of isRight: (JSONObject) -> Bool) -> Bool {
        array(name)?.allSatisfy { $0.object.map(isRight) ?? false } ?? false
    }

    /// Whether it says which receivers know.
    fileprivate var hasStanding: Bool {
        guard let standing = object("receivers") else { return false }
        return standing.integer("total") != nil && standing.hasTexts("words") && standing.has("waiting") { $0.hasTexts("name") }
    }

    /// Whether it says within what time everybody knows.
    fileprivate var hasBound: Bool {
        guard let status = object("status") else { return false }
        return status.integer("deadEverywhereWithin") != nil && status.integer("deadWhereReachedWithin") != nil
            && status.hasStanding && status.strings("withoutStatus") != nil
    }

    fileprivate func isDenial(of subject: KeyRing.Denial.Subject, isDenied: Bool) -> Bool {
        string("kind") == subject.kind && string("value") == subject.value && self["denied"]?.bool == isDenied && hasBound
            && strings("warnings") != nil
    }
}

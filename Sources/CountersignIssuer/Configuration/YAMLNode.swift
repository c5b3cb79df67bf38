/// A YAML document reduced to what a configuration needs: text, lists and mappings, each with its line.
///
/// No types are guessed (`yes` is the text "yes"), no anchors are followed and no tags are obeyed.
package enum YAMLNode {
    case scalar(Scalar)
    case sequence([YAMLNode], line: Int)
    case mapping([Member], line: Int)

    package struct Scalar {
        let text: String
        /// Whether the text stood in quotes, so that an empty one is an empty text and not a missing value.
        let isQuoted: Bool
        let line: Int

        /// Whether nothing was written: an empty plain value, `~` or `null`.
        var isMissing: Bool {
            !isQuoted && (text.isEmpty || text == "~" || text == "null")
        }
    }

    package struct Member {
        let name: String
        let line: Int
        let value: YAMLNode
    }

    package var line: Int {
        switch self {
        case .scalar(let scalar): scalar.line
        case .sequence(_, let line), .mapping(_, let line): line
        }
    }

    /// What it is, for messages.
    var kind: String {
        switch self {
        case .scalar(let scalar): scalar.isMissing ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON

/// `countersign keys list`
struct KeysListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Shows every key: kid, state, since when, next change; and who has the announced one.",
        discussion: """
            EXAMPLE
              countersign keys list --keys keys
              countersign keys list --keys keys --receivers --history
            """
    )

    @OptionGroup var target: AdminTarget

    @Flag(help: "Show every receiver: when it last fetched keys and status, and whether it is up to date.")
    var receivers = false

    @Flag(help: "Show who changed what, when and why.")
    var history = false

    @Flag(help: "Print JSON, with everything.")
    var json = false

    func run() async throws {
        let report = try await target.perform(.listKeys)
        if json {
            try printJSON(report)
        } else {
            StandardOutput.write(table: table(report))
            for key in report.array("keys") ?? [] {
                if let key = key.object, let standing = key.object("receivers"), let words = standing.string("words") {
                    StandardOutput.write("receivers of \(key.string("kid") ?? ""): \(words)")
                }
            }
            writeMore(report)
        }
        await warnOfMissingKeys()
    }

    private func table(_ report: JSONObject) -> [[String]] {
        let keys = (report.array("keys") ?? []).compactMap(\.object)
        let isWaiting = keys.contains { $0.object("receivers")?.array("waiting")?.isEmpty == false }
        let rows = keys.map { key in
            ["kid", "state", "since"].map { key.string($0) ?? "-" } + [nextChange(of: key, isWaiting: isWaiting)]
        }
        return [["KID", "STATE", "SINCE", "NEXT CHANGE"]] + rows
    }

    /// - Parameter isWaiting: whether receivers lack the announced key.
    private func nextChange(of key: JSONObject, isWaiting: Bool) -> String {
        guard let text = key.string("nextChange"), let moment = Timestamp(text: text) else {
            return "-"
        }
        let what =
            switch key.string("state") {
            case "announced": "signs"
            case "signing": "is replaced"
            case "retiring": "retires"
            default: "is forgotten"
            }
        guard moment <= .now() else {
            return "\(what) from \(moment)"
        }
        return switch key.string("state") {
        case "announced" where isWaiting: "signs when every receiver has it"
        case "signing" where isWaiting: "is replaced when every receiver has the next"
        // Whether an issuer runs is not to be seen from here.
        default: "\(what), due since \(moment): a running issuer does it within a second"
        }
    }

    private func writeMore(_ report: JSONObject) {
        if receivers {
            let rows = (report.array("receivers") ?? []).compactMap(\.object).map { receiver in
                [
                    receiver.string("name") ?? "", receiver.string("instance").flatMap { $0.isEmpty ? nil : $0 } ?? "-",
                    receiver.string("keysAt") ?? "never", word(receiver["hasAnnounced"]),
                    receiver.string("statusAt") ?? "never", word(receiver["hasStatus"]),
                ]
            }
            StandardOutput.write("")
            StandardOutput.write(
                table: [["RECEIVER", "INSTANCE", "FETCHED KEYS", "HAS ANNOUNCED", "FETCHED STATUS", "UP TO DATE"]] + rows
            )
        }
        if history {
            let rows = (report.array("history") ?? []).compactMap(\.object).map { change in
                ["at", "who", "what"].map { change.string($0) ?? "" } + [change.string("why") ?? "-"]
            }
            StandardOutput.write("")
            StandardOutput.write(table: [["WHEN", "WHO", "WHAT", "WHY"]] + rows)
        }
    }

    private func word(_ value: JSONValue?) -> String {
        value?.bool.map { $0 ? "yes" : "no" } ?? "-"
    }

    /// A key that is to sign and cannot is seen here rather than when its time has come.
    private func warnOfMissingKeys() async {
        guard let path = target.directory else {
            return
        }
        let store = FileKeyRingStore(directory: path, passphrase: target.passphrase.map { PassphraseSource($0) })
        guard let ring = try? await store.load().ring else {
            return
        }
        for key in [ring.announced?.jwk, ring.signing.jwk].compactMap(\.self) {
            do throws(KeyRingError) {
                _ = try await store.privateKey(for: key)
            } catch {
                StandardError.write("warning: \(error.message)")
                if let hint = error.hint {
                    StandardError.write("hint: \(hint)")
                }
            }
        }
    }
}

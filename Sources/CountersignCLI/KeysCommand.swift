import ArgumentParser
import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON
import Foundation

/// `countersign keys ...`: the signing keys of an issuer, as files in a directory.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes, shows, rotates and revokes the keys an issuer signs with.",
        discussion: """
            Works on the directory that `keys.directory` names in the issuer's configuration. An issuer that is running on it \
            takes a change over within a second.

            EXAMPLE
              countersign keys init --keys keys
              countersign keys rotate --keys keys
              countersign keys list --keys keys
            """,
        subcommands: [Init.self, List.self, Rotate.self, Revoke.self, JWKS.self]
    )
}

extension KeysCommand {
    struct Directory: ParsableArguments {
        @Option(name: .customLong("keys"), help: ArgumentHelp("The directory of the keys.", valueName: "dir"))
        var path: String

        var store: FileKeyRingStore { FileKeyRingStore(directory: path) }
    }

    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the first key, in a directory of its own.",
            discussion: """
                The directory gets mode 700, the private key mode 600. A directory that holds keys already is left alone.

                EXAMPLE
                  countersign keys init --keys keys --bits 3072
                """
        )

        @OptionGroup var directory: Directory

        @Option(help: ArgumentHelp("The size of the key: 2048, 3072 or 4096 bits. Rotation keeps it.", valueName: "bits"))
        var bits = 2048

        func validate() throws {
            guard [2048, 3072, 4096].contains(bits) else {
                throw ValidationError("--bits is \(bits); it must be 2048, 3072 or 4096")
            }
        }

        func run() async throws {
            let stored = try await answering { () throws(KeyRingError) in
                try await directory.store.initialise(bitCount: bits, at: .now())
            }
            StandardOutput.write("made \(stored.ring.signing.jwk.kid), which signs, in \(directory.store.location)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows every key: kid, state, since when, next change.",
            discussion: """
                EXAMPLE
                  countersign keys list --keys keys
                """
        )

        @OptionGroup var directory: Directory

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let store = directory.store
            let stored = try await answering { () throws(KeyRingError) in
                try await store.load()
            }
            if json {
                StandardOutput.write(String(decoding: try JSONWriter.bytes(.object(object(of: stored))), as: UTF8.self))
            } else {
                StandardOutput.write(table: table(of: stored.ring, at: .now()))
            }
            await warnOfMissingKeys(stored.ring, in: store)
        }

        private func table(of ring: KeyRing, at now: Timestamp) -> [[String]] {
            let rows = ring.entries.map { entry in
                [entry.kid.rawValue, entry.state.rawValue, entry.since.description, nextChange(of: entry, at: now)]
            }
            return [["KID", "STATE", "SINCE", "NEXT CHANGE"]] + rows
        }

        private func nextChange(of entry: KeyRing.Entry, at now: Timestamp) -> String {
            guard let moment = entry.nextChange else {
                return "-"
            }
            let what =
                switch entry.state {
                case .announced: "signs"
                case .signing: "is replaced"
                case .retiring: "retires"
                case .retired, .revoked: "is forgotten"
                }
            return moment > now ? "\(what) from \(moment)" : "\(what) as soon as an issuer runs"
        }

        private func object(of stored: StoredKeyRing) -> JSONObject {
            let keys = stored.ring.entries.map { entry in
                JSONValue.object([
                    "kid": .string(entry.kid.rawValue),
                    "state": .string(entry.state.rawValue),
                    "created": .string(entry.created.description),
                    "since": .string(entry.since.description),
                    "nextChange": entry.nextChange.map { .string($0.description) } ?? .null,
                    "promotion": entry.promotion.map { .string($0.rawValue) } ?? .null,
                    "bits": .integer(Int64(entry.jwk.key.bitCount)),
                ])
            }
            return ["revision": .integer(stored.revision.number), "keys": .array(keys)]
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Starts a rotation: announces a new key.",
            discussion: """
                The new key is published at once and signs when every receiver has had the time to fetch it; a running issuer \
                sees to that. Without one, the next `keys rotate` does. The key that signs today stays published until its \
                last token has expired.

                With --now the announced key signs at once, or a new one if none is announced. A receiver that works from a \
                key set it fetched before refuses the new key's tokens until it fetches again.

                EXAMPLE
                  countersign keys rotate --keys keys
                """
        )

        @OptionGroup var directory: Directory

        @Flag(name: .customLong("now"), help: "Sign with the new key at once, although receivers may not have it yet.")
        var immediately = false

        func run() async throws {
            let rotation = try await answering { () throws(KeyRingError) in
                try await directory.store.rotate(immediately: immediately, at: .now())
            }
            if let promoted = rotation.promoted {
                StandardOutput.write("\(promoted) signs now: its announcement has run its time")
            }
            if let signsFrom = rotation.signsFrom {
                StandardOutput.write("announced \(rotation.kid), which signs from \(signsFrom)")
            } else {
                StandardOutput.write("\(rotation.kid) signs now")
                if rotation.isEmergency {
                    warnOfEmergency(rotation.stored.ring)
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a key out of the key set at once.",
            discussion: """
                For a key that others may have. Its tokens are refused wherever the key set is fetched again. If it was \
                signing, the announced key takes its place, or a new one.

                EXAMPLE
                  countersign keys revoke NzbLsXh8 --keys keys
                  countersign keys revoke --keys keys -- -kUwpVGC
                """
        )

        @Argument(help: ArgumentHelp("The key, or the first six or more characters of its kid.", valueName: "kid"))
        var kid: String

        @OptionGroup var directory: Directory

        func run() async throws {
            let revocation = try await answering { () throws(KeyRingError) in
                try await directory.store.revoke(kid, at: .now())
            }
            StandardOutput.write("revoked \(revocation.revoked.kid), which was \(revocation.revoked.state.rawValue)")
            if let successor = revocation.successor {
                StandardOutput.write("\(successor) signs now")
                if revocation.isEmergency {
                    warnOfEmergency(revocation.stored.ring)
                }
            }
        }
    }

    struct JWKS: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "jwks",
            abstract: "Prints the public key set.",
            discussion: """
                The same as the issuer publishes at /.well-known/jwks.json.

                EXAMPLE
                  countersign keys jwks --keys keys > jwks.json
                """
        )

        @OptionGroup var directory: Directory

        @Flag(help: "Accepted for the sake of scripts: a key set is always JSON.")
        var json = false

        func run() async throws {
            let keySet = try await answering { () throws(KeyRingError) in
                try await directory.store.load().ring.keySet()
            }
            StandardOutput.write(String(decoding: keySet.json, as: UTF8.self))
        }
    }
}

/// Says in the words of the command line why something was not done with a ring.
private func answering<Value>(
    _ work: () async throws(KeyRingError) -> Value
) async throws(CommandFailure) -> Value {
    do {
        return try await work()
    } catch {
        throw CommandFailure(exitCode: exitCode(of: error.code), message: error.message, hint: error.hint)
    }
}

private func exitCode(of code: KeyRingError.Code) -> CommandFailure.ExitCode {
    switch code {
    case .rotationUnderWay, .tooManyKeys, .unknownKey, .ambiguousKey, .alreadyRevoked, .alreadyInitialised:
        .no
    case .prefixTooShort:
        .usage
    case .notInitialised, .example, .malformed, .unsupportedVersion, .inconsistent, .parameters, .permissions,
        .privateKeyMissing, .privateKeyWrong, .unreadable:
        .configuration
    default:
        .software
    }
}

private func warnOfEmergency(_ ring: KeyRing) {
    let wait = ring.parameters.announceFor
    StandardError.write(
        "warning: receivers that fetched the key set before refuse its tokens until they fetch again; "
            + "a planned rotation would have waited \(wait) s for them"
    )
}

/// A key that is to sign and cannot is seen here rather than when its time has come.
private func warnOfMissingKeys(_ ring: KeyRing, in store: FileKeyRingStore) async {
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

import CountersignCrypto
import CountersignJOSE
import Foundation

@testable import CountersignIssuer

/// Everything that writes to a key directory, each as one change of a ring in which every state of a key occurs.
enum RingOperation: String, CaseIterable, Codable, Sendable {
    case initialise, rotate, promote, rotateNow, revokeSigning, revokeAnnounced, revokeRetiring, retire, retireAndKeep, deny
    case note, migrate, importKey

    /// Makes the ring that the operation is to change.
    func prepare(_ directory: String) async throws {
        guard self != .initialise else {
            return
        }
        let store = FileKeyRingStore(directory: directory)
        let parameters = try KeyRingParameters(
            announceFor: 600, retireAfter: 965, rotateEvery: 0, keepsRetiredKeys: self == .retireAndKeep
        )
        _ = try await store.initialise(with: RingKeys.privateKey(0), parameters: parameters, at: ringStart)
        _ = try await store.rotate(to: RingKeys.privateKey(1), at: ringStart)
        if needsRoom {
            _ = try await store.update { stored throws(KeyRingError) in
                KeyRingChange(stored.ring.settled(at: ringStart + 600))
            }
        } else {
            _ = try await store.rotate(to: RingKeys.privateKey(2), at: ringStart + 600)
        }
        if self == .migrate {
            try write(try Self.asVersion1(try text(of: "\(directory)/keyring.json")), to: "\(directory)/keyring.json")
        }
    }

    private var needsRoom: Bool { [.rotate, .rotateNow, .importKey, .migrate].contains(self) }

    /// Does it, telling the observer of every step.
    func perform(_ directory: String, observer: FileStep.Observer?) async throws {
        let store = FileKeyRingStore(directory: directory, observer: observer)
        let now = ringStart + 1200
        switch self {
        case .initialise: _ = try await store.initialise(with: RingKeys.privateKey(0), at: now)
        case .rotate, .migrate: _ = try await store.rotate(at: now)
        case .importKey: _ = try await store.rotate(to: RingKeys.privateKey(3), at: now)
        case .rotateNow: _ = try await store.rotate(immediately: true, at: now)
        case .revokeSigning: _ = try await store.revoke(try await kid(.signing, store), at: now)
        case .revokeAnnounced: _ = try await store.revoke(try await kid(.announced, store), at: now)
        case .revokeRetiring: _ = try await store.revoke(try await kid(.retiring, store), at: now)
        case .deny: _ = try await store.change(.service("user-svc"), isDenied: true, at: now)
        case .note: try await store.note([ReceiverSighting(name: "search-svc", keysAt: now)], at: now)
        case .promote:
            _ = try await store.update { stored throws(KeyRingError) in KeyRingChange(stored.ring.settled(at: now)) }
        case .retire, .retireAndKeep:
            _ = try await store.update { stored throws(KeyRingError) in
                KeyRingChange(stored.ring.settled(at: ringStart + 9000))
            }
        }
    }

    private func kid(_ state: KeyRing.State, _ store: FileKeyRingStore) async throws -> String {
        try await store.load().ring.entries.first { $0.state == state }?.kid.rawValue ?? "none"
    }

    /// The text of a ring as the first version wrote it.
    static func asVersion1(_ text: String) throws -> String {
        guard var object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            var parameters = object["parameters"] as? [String: Any]
        else {
            return text
        }
        for name in ["receiverWindow", "statusMaxAge", "statusPoll", "retiredKeys"] { parameters[name] = nil }
        for name in ["statusNumber", "denied", "history"] { object[name] = nil }
        object["parameters"] = parameters
        object["version"] = 1
        return String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
    }
}

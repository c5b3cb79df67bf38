internal import CountersignCrypto
internal import CountersignJOSE
internal import CountersignJSON

/// The text of `receivers.json`: what ``Receivers`` holds, one object per process. Times are RFC 3339.
enum ReceiversFormat {
    static let version: Int64 = 1
    static let maxBytes = 4 * 1024 * 1024

    static func encode(_ receivers: Receivers) throws(KeyRingError) -> [UInt8] {
        let list = receivers.sightings.map { sighting in
            var object: JSONObject = ["name": .string(sighting.name)]
            if !sighting.instance.isEmpty {
                object.append("instance", .string(sighting.instance))
            }
            if let keysAt = sighting.keysAt {
                object.append("keysAt", .string(keysAt.description))
                object.append("keys", .array(sighting.keys.map { .string($0.rawValue) }))
                if sighting.keysAgain {
                    object.append("keysAgain", .bool(true))
                }
            }
            if let statusAt = sighting.statusAt {
                object.append("statusAt", .string(statusAt.description))
                object.append("statusNumber", .integer(sighting.statusNumber ?? 0))
            }
            return JSONValue.object(object)
        }
        do {
            return try JSONWriter.bytes(["version": .integer(version), "receivers": .array(list)], pretty: false)
        } catch {
            throw KeyRingError(.notWritten, "the list of receivers cannot be written as JSON: \(error.message)")
        }
    }

    static func decode(_ bytes: [UInt8]) throws(KeyRingError) -> Receivers {
        let root: JSONObject
        do {
            root = try JSONReader.parseObject(bytes, limits: JSONLimits(maxBytes: maxBytes, maxDepth: 8))
        } catch {
            throw KeyRingError(.malformed, error.message)
        }
        var file = StrictObject(root, path: "")
        guard try file.integer("version") == version else {
            throw KeyRingError(.unsupportedVersion, "version is not \(version), the one this program knows")
        }
        var sightings: [ReceiverSighting] = []
        for entry in try file.objects("receivers") {
            var entry = entry
            var sighting = ReceiverSighting(
                name: try entry.string("name"), instance: entry.has("instance") ? try entry.string("instance") : ""
            )
            if entry.has("keysAt") {
                sighting.keysAt = try entry.time("keysAt")
                sighting.keys = try entry.strings("keys").compactMap { KeyID($0) }
                sighting.keysAgain = try entry.optionalBool("keysAgain") ?? false
            }
            if entry.has("statusAt") {
                sighting.statusAt = try entry.time("statusAt")
                sighting.statusNumber = try entry.integer("statusNumber")
            }
            try entry.finish()
            sightings.append(sighting)
        }
        try file.finish()
        return Receivers(sightings)
    }
}

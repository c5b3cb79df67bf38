public import Countersign
public import CountersignTLS

extension ReloadableTLS: TrustSource {
    /// The authorities and lists in force: what a reload of the files changes for the next request of every connection.
    public var validator: PathValidator { current.validator }

    public var generation: Generation? { changes }
}

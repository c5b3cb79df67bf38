public import CountersignTLS
public import HummingbirdCore

extension HTTPServerBuilder {
    /// A server that accepts mutual TLS only and speaks HTTP/1.1 or HTTP/2 over it, as the client chooses by ALPN.
    ///
    /// ```swift
    /// let tls = try ReloadableTLS(files, role: .server, at: .now())
    /// let app = Application(router: router, server: .mutualTLS(tls))
    /// ```
    ///
    /// A client without an acceptable certificate gets no further than the handshake; for all others
    /// `channel.mutualTLSPeer()` names the client. New connections and requests follow whatever `tls` holds at that moment.
    /// Requests are served on their connection's event loop, so a handler that blocks holds up that loop's connections.
    ///
    /// - Parameter tls: Loaded for `TLSMaterial.Role.server`.
    public static func mutualTLS(
        _ tls: ReloadableTLS,
        configuration: MutualTLSServerConfiguration = MutualTLSServerConfiguration()
    ) -> HTTPServerBuilder {
        mutualTLS(tls, configuration: configuration, immediate: nil)
    }

    /// The same, with requests that are answered without the application.
    package static func mutualTLS(
        _ tls: ReloadableTLS, configuration: MutualTLSServerConfiguration, immediate: (any ImmediateResponder)?
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            MutualTLSChannel(tls: tls, configuration: configuration, immediate: immediate, responder: responder)
        }
    }
}

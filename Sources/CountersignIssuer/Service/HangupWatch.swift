internal import ServiceLifecycle
internal import UnixSignals

/// Reloads on SIGHUP, as operators expect of a daemon.
struct HangupWatch: Service {
    let reloader: Reloader

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            reloader.reload()
        }
    }
}

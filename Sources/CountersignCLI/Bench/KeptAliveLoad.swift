import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The load of `bench mint`: connections that stay, over NIO with as little around it as can be.
struct KeptAliveLoad: Sendable {
    let load: BenchLoad
    let address: SocketAddress
    let serverName: String?
    let context: NIOSSLContext
    let request: BenchRequest
    let connections: Int
    let threads: Int

    /// Returns when the run is over and every answer that was still to come has come.
    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let callers = (0..<connections).map { _ in
            let loop = group.next()
            return loop.flatSubmit { KeptAliveCaller(self, on: loop).run() }
        }
        for caller in callers { try? await caller.get() }
        try await group.shutdownGracefully()
    }

    fileprivate func connect(_ exchange: TokenExchange, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        let exchange = NIOLoopBound(exchange, eventLoop: loop)
        return ClientBootstrap(group: loop)
            .connectTimeout(.seconds(BenchOutcome.timeout))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: serverName))
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(exchange.value)
                }
            }
            .connect(to: address)
    }
}

/// One caller: asks, waits, asks again, and connects again when its connection has ended. Lives on one event loop.
private final class KeptAliveCaller {
    private let plan: KeptAliveLoad
    private let loop: any EventLoop
    private let done: EventLoopPromise<Void>
    private var channel: (any Channel)?
    private var exchange = TokenExchange()
    private var sentAt: NIODeadline?
    private var isDone = false

    init(_ plan: KeptAliveLoad, on loop: any EventLoop) {
        self.plan = plan
        self.loop = loop
        done = loop.makePromise()
    }

    func run() -> EventLoopFuture<Void> {
        done.futureResult.assumeIsolated().whenComplete { _ in
            self.isDone = true
            self.channel?.close(promise: nil)
        }
        watch()
        next()
        return done.futureResult
    }

    private func next() {
        guard let due = plan.load.next() else { return done.succeed() }
        if due > .now() {
            loop.assumeIsolated().scheduleTask(deadline: due) { self.begin(due) }
        } else {
            begin(due)
        }
    }

    private func begin(_ due: NIODeadline) {
        sentAt = .now()
        if let channel, channel.isActive, exchange.canGoOn {
            ask(over: channel, due)
            return
        }
        channel?.close(promise: nil)
        channel = nil
        exchange = TokenExchange()
        plan.connect(exchange, on: loop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel):
                self.channel = channel
                self.ask(over: channel, due)
            case .failure(let error):
                self.end(BenchOutcome(error), due)
            }
        }
    }

    private func ask(over channel: any Channel, _ due: NIODeadline) {
        exchange.answered = { [weak self] outcome in self?.end(outcome, due) }
        exchange.send(plan.request)
    }

    private func end(_ outcome: BenchOutcome, _ due: NIODeadline) {
        sentAt = nil
        plan.load.record(outcome, due: due)
        next()
    }

    /// Gives up a request that takes too long. Looks now and then: a timer for each request would cost more than the request.
    private func watch() {
        guard !isDone else { return }
        if let sentAt, NIODeadline.now() - sentAt > .seconds(BenchOutcome.timeout) { exchange.fail(.timedOut) }
        loop.assumeIsolated().scheduleTask(in: .milliseconds(250)) { self.watch() }
    }
}

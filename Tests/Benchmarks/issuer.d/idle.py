"""Connections to an issuer that do nothing."""

import multiprocessing
import os
import socket
import ssl

from running import AUDIENCE, Failure

PROCESSES = 8
FORM = f"grant_type=client_credentials&audience={AUDIENCE}"
REQUEST = ("POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
           f"Content-Length: {len(FORM)}\r\n\r\n{FORM}").encode()


def hold(pipe, port, certificates, count, core):
    """One process: makes its connections, then asks for a token over each, then closes them; each when it is told to."""
    os.sched_setaffinity(0, {int(core)})
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "user-svc/cert.pem", certificates / "user-svc/key.pem")
    connections = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.append(context.wrap_socket(connection, server_hostname="localhost"))
        pipe.send(None)
        if pipe.recv() == "ask":
            for connection in connections:
                connection.sendall(REQUEST)
                answer = connection.recv(65536)
                if not answer.startswith(b"HTTP/1.1 200 "):
                    raise OSError(f"an answer of {answer[:40]!r}")
            pipe.send(None)
            pipe.recv()
    except OSError as error:
        pipe.send(f"{len(connections)} connections, then: {error}")
    for connection in connections:
        connection.close()


class Held:
    """So many idle connections of mutual TLS, made by several processes. Use it in `with`."""

    def __init__(self, folder, issuer, count, core):
        self.workers = []
        context = multiprocessing.get_context("fork")
        for number in range(PROCESSES):
            ours, theirs = context.Pipe()
            share = count // PROCESSES + (1 if number < count % PROCESSES else 0)
            worker = context.Process(target=hold, args=(theirs, issuer.port, folder.path / "certs", share, core), daemon=True)
            worker.start()
            self.workers.append((worker, ours))

    def __enter__(self):
        try:
            self.wait()
        except Failure:
            self.__exit__()
            raise
        return self

    def ask(self):
        """A token over each of them."""
        for _, pipe in self.workers:
            pipe.send("ask")
        self.wait()

    def wait(self):
        problems = [pipe.recv() if pipe.poll(60) else "not done within a minute" for _, pipe in self.workers]
        problems = [problem for problem in problems if problem]
        if problems:
            raise Failure("the idle connections: " + "; ".join(problems))

    def __exit__(self, *_):
        for _, pipe in self.workers:
            try:
                pipe.send("end")
            except OSError:
                pass  # has ended already
        for worker, _ in self.workers:
            worker.join(10)
            if worker.is_alive():
                worker.kill()

"""Connections to an issuer that do nothing."""

import multiprocessing
import os
import socket
import ssl
import time

from running import Failure

PROCESSES = 4


def hold(pipe, port, certificates, count, core):
    """One process: makes its connections, tells how many there are, and keeps them until it is told to end."""
    os.sched_setaffinity(0, {int(core)})
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "user-svc/cert.pem", certificates / "user-svc/key.pem")
    connections = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            connections.append(context.wrap_socket(connection, server_hostname="localhost"))
        pipe.send(None)
    except OSError as error:
        pipe.send(f"{len(connections)} connections, then: {error}")
    pipe.recv()
    for connection in connections:
        connection.close()


class Held:
    """So many idle connections of mutual TLS, made by several processes. Use it in `with`."""

    def __init__(self, folder, issuer, count, core):
        self.began = time.monotonic()
        self.workers = []
        context = multiprocessing.get_context("fork")
        for number in range(PROCESSES):
            ours, theirs = context.Pipe()
            share = count // PROCESSES + (1 if number < count % PROCESSES else 0)
            worker = context.Process(target=hold, args=(theirs, issuer.port, folder.path / "certs", share, core), daemon=True)
            worker.start()
            self.workers.append((worker, ours))

    def __enter__(self):
        problems = [pipe.recv() if pipe.poll(60) else "no connections within a minute" for _, pipe in self.workers]
        self.seconds = time.monotonic() - self.began
        problems = [problem for problem in problems if problem]
        if problems:
            self.__exit__()
            raise Failure("; ".join(problems))
        return self

    def __exit__(self, *_):
        for worker, pipe in self.workers:
            pipe.send(None)
        for worker, _ in self.workers:
            worker.join(10)
            if worker.is_alive():
                worker.kill()

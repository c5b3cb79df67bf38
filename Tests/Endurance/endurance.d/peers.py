"""Peers that are slow and peers that send garbage. The issuer has to end each of them in time."""

import os
import random
import select
import socket
import ssl
import struct
import time

from running import Failure

#: Handshake, header and body have ten seconds each.
PATIENCE = 30


def plain(port):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def secured(port, certificates, protocol="http/1.1"):
    """A good connection of a good service."""
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "user-svc/cert.pem", certificates / "user-svc/key.pem")
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(plain(port), server_hostname="localhost")


def serves_newest(port, certificates):
    """Whether the certificate that is shown is the one in the file."""
    text = (certificates / "issuer/cert.pem").read_text()
    first = text[: text.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    with secured(port, certificates) as connection:
        return connection.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(first)


def client_hello(promised, sent):
    """The record of a ClientHello: right at the beginning, wrong or missing after it."""
    head = b"\x16\x03\x01" + struct.pack(">H", promised + 4) + b"\x01\x00" + struct.pack(">H", promised)
    return head + b"\x03\x03" + os.urandom(max(0, sent - 2))


def read_all(connection):
    """What comes until the other side ends the connection; how it does so does not matter."""
    received = b""
    end = time.monotonic() + PATIENCE
    connection.settimeout(PATIENCE)
    try:
        while time.monotonic() < end:
            part = connection.recv(65536)
            if not part:
                return received
            received += part
    except TimeoutError:
        pass
    except OSError:
        return received
    raise Failure(f"not ended within {PATIENCE} s, after {received[:80]!r}")


def slow(port, certificates):
    """Some that say nothing, half of a handshake, or a request byte by byte, all at once. Returns how many."""
    request = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nX-Slow: " + b"x" * 100
    silent = [plain(port) for _ in range(4)]
    halves = [plain(port) for _ in range(4)]
    dripping = [secured(port, certificates) for _ in range(4)]
    body = secured(port, certificates)
    for connection in halves:
        connection.sendall(client_hello(512, 200))
    body.sendall(b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\ngrant_type=")
    connections = silent + halves + dripping + [body]
    open_ones = set(connections)
    end = time.monotonic() + PATIENCE
    for position in range(PATIENCE):
        if not open_ones or time.monotonic() > end:
            break
        for connection in [one for one in dripping if one in open_ones]:
            try:
                connection.sendall(request[position:position + 1])
            except OSError:
                open_ones.discard(connection)
        time.sleep(1)
        for connection in select.select(list(open_ones), [], [], 0)[0]:
            connection.settimeout(1)
            try:
                if not connection.recv(65536):
                    open_ones.discard(connection)
            except (TimeoutError, ssl.SSLWantReadError):
                pass
            except OSError:
                open_ones.discard(connection)
    kinds = {id(one): kind for kind, some in [("silent", silent), ("half a handshake", halves), ("header byte by byte", dripping),
                                              ("half a body", [body])] for one in some}
    for connection in connections:
        connection.close()
    if open_ones:
        raise Failure(f"not ended within {PATIENCE} s: {sorted(kinds[id(one)] for one in open_ones)}")
    return len(connections)


def garbage(port, certificates):
    """One of each kind, one after the other. Returns how many."""
    kinds = [noise, plain_http, nonsense_record, cut_handshake, no_certificate, oversized_header, no_http, rubbish_over_http2]
    for kind in kinds:
        try:
            kind(port, certificates)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError, ssl.SSLEOFError):
            pass  # ended while we were still sending
        except Failure as failure:
            raise Failure(f"{kind.__name__}: {failure}") from None
    return len(kinds)


def noise(port, _):
    with plain(port) as connection:
        # Never the type of a handshake record, and a whole record header.
        connection.sendall(b"\xee" + os.urandom(random.choice([10, 1000, 300_000])))
        read_all(connection)


def plain_http(port, _):
    with plain(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        read_all(connection)


def nonsense_record(port, _):
    with plain(port) as connection:
        connection.sendall(client_hello(512, 512))
        read_all(connection)


def cut_handshake(port, _):
    with plain(port) as connection:
        connection.sendall(client_hello(512, 100))
        # Ends with a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def no_certificate(port, certificates):
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    with context.wrap_socket(plain(port), server_hostname="localhost") as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if read_all(connection):
            raise Failure("an answer without a certificate")


def oversized_header(port, certificates):
    with secured(port, certificates) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 20_000 + b"\r\nConnection: close\r\n\r\n")
        answer = read_all(connection)
        if answer and b" 431 " not in answer[:20]:
            raise Failure(f"answered {answer[:40]!r}, not 431")


def no_http(port, certificates):
    with secured(port, certificates) as connection:
        connection.sendall(b"\x00\xff nonsense\r\n\r\n" + os.urandom(200) + b"\r\n\r\n")
        read_all(connection)


def rubbish_over_http2(port, certificates):
    with secured(port, certificates, "h2") as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">I", 0)[:3] + b"\x04\x00" + bytes(4))
        # A frame of no stream and too large, and whatever follows.
        connection.sendall(b"\xff\xff\xff\x01" + os.urandom(5000))
        read_all(connection)

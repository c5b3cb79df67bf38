"""nginx with the issuer's certificate, its authority and its manner: TLS 1.3, a client certificate, tickets to resume the session
with, then close."""

import os
import subprocess
import time

from running import MALLOC, Failure, Process, free_port

#: Tokens for it live for an hour: one of them is the answer of nginx for as long as it is measured.
AUDIENCE = "long-svc"


def token_answer(folder, issuer):
    """What the issuer answers with a token, as `countersign bench` wants to see it."""
    token = folder.countersign("token", "fetch", *folder.caller(issuer.url, AUDIENCE)).strip()
    return f'{{"access_token":"{token}","token_type":"Bearer","expires_in":3600,"refresh_in":1800}}'


class Server(Process):
    """One worker on one core. Use it in `with`.

    Without `tickets` (its default is with) it sends tickets as well, but they name a session that it does not keep."""

    def __init__(self, folder, core, answer, tickets=True):
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        place = folder.path / ("nginx" if tickets else "nginx-without")
        place.mkdir()
        # The worker is somebody else when this is run by root, and has to get at its temporary files.
        folder.path.chmod(0o755)
        certificates = folder.path / "certs"
        (place / "nginx.conf").write_text(f"""
daemon off;
worker_processes 1;
pid {place}/pid;
error_log {place}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log {place}/access.log;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  server {{
    listen 127.0.0.1:{self.port} ssl backlog=1024;
    ssl_certificate {certificates}/issuer/cert.pem;
    ssl_certificate_key {certificates}/issuer/key.pem;
    ssl_client_certificate {certificates}/ca.pem;
    ssl_verify_client on;
    ssl_protocols TLSv1.3;
    ssl_session_tickets {'on' if tickets else 'off'};
    ssl_session_cache off;
    keepalive_timeout 0;
    default_type application/json;
    location / {{ return 200 '{answer}'; }}
  }}
}}
""")
        self.place, self.core = place, core

    def __enter__(self):
        command = ["taskset", "-c", self.core, "nginx", "-p", self.place, "-c", self.place / "nginx.conf"]
        # The same memory allocator as the issuer's.
        self.master = subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL, env={**os.environ, **MALLOC})
        for _ in range(100):
            children = open(f"/proc/{self.master.pid}/task/{self.master.pid}/children").read().split()
            if children and (self.place / "pid").exists():
                super().__init__(int(children[0]))
                time.sleep(0.2)
                return self
            if self.master.poll() is not None:
                break
            time.sleep(0.05)
        self.__exit__()
        raise Failure(f"nginx does not start: {(self.place / 'error.log').read_text()[-600:]}")

    def __exit__(self, *_):
        if self.master.poll() is None:
            self.master.terminate()
            self.master.wait(30)

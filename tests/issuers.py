"""An OpenID provider of a recipient, over TLS: it gives access tokens to clients that show their secret (client credentials)."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet


class Issuer:
    """`clients`: id -> secret. `lie` changes the claims of its next tokens; `sign_with` their key."""

    def __init__(self, server: ssl.SSLContext, trust: ssl.SSLContext, clients: dict[str, str]) -> None:
        self.key, self.clients, self.trust = ECKey.generate_key("P-256", parameters={"kid": "one"}), clients, trust
        self.lie = dict[str, Any]()
        self.sign_with = self.key
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                self.answer(issuer.get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.answer(issuer.token({k: v[0] for k, v in parse_qs(body).items()}))

            def answer(self, found: tuple[int, Any]) -> None:
                data = json.dumps(found[1]).encode()
                self.send_response(found[0])
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = server.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)

    def get(self, path: str) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys"}
        return (200, KeySet([self.key]).as_dict(private=False)) if path == "/keys" else (404, {})

    def token(self, form: dict[str, str]) -> tuple[int, Any]:
        client = form.get("client_id", "")
        if form.get("grant_type") != "client_credentials" or self.clients.get(client) != form.get("client_secret"):
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": form["audience"], "sub": client, "azp": client, "iat": now, "exp": now + 300}
        made = jwt.encode({"alg": "ES256", "kid": "one"}, claims | self.lie, self.sign_with)
        return 200, {"access_token": made, "token_type": "Bearer"}

    def token_of(self, client: str, audience: str, **lie: Any) -> str:
        """What a client is given that asks for itself."""
        self.lie = lie
        form = {
            "grant_type": "client_credentials", "client_id": client, "client_secret": self.clients[client], "audience": audience,
        }  # fmt: skip
        return str(httpx.post(f"{self.url}/token", data=form, verify=self.trust, timeout=20).json()["access_token"])


@contextmanager
def issuing(server: ssl.SSLContext, trust: ssl.SSLContext, clients: dict[str, str]) -> Iterator[Issuer]:
    issuer = Issuer(server, trust, clients)
    try:
        yield issuer
    finally:
        issuer.stop()

"""JSON-RPC to a `bitcoind` over HTTP on the loopback interface."""

from __future__ import annotations

import base64
import http.client
import json
import time
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"

_TIMEOUT_SECONDS = 60
_IDLE_SECONDS = 10
"""After this time a connection is opened anew: the node drops those that are idle for 30 seconds."""


class RpcError(Exception):
    """The node answered with an error: its `code` and `message` (Bitcoin Core's RPCErrorCode)."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message} (code {code})")
        self.code = code
        self.message = message


class Rpc:
    """One connection to a node. `credentials` are "user:password", which is also what a node's cookie file holds."""

    def __init__(self, port: int, credentials: str, host: str = LOOPBACK) -> None:
        self.port = port
        """The node's RPC port."""
        self.credentials = credentials
        """What this connection logs in with: "user:password"."""
        self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
        authorization = base64.b64encode(credentials.encode()).decode()
        self._headers = {"Authorization": f"Basic {authorization}", "Content-Type": "application/json"}
        self._ids = count()
        self._used = time.monotonic()

    @classmethod
    def from_cookie(cls, port: int, cookie: Path, host: str = LOOPBACK) -> Rpc:
        """Connect with the credentials that the node left in its cookie file. OSError if there is none yet."""
        return cls(port, cookie.read_text(), host)

    def call(self, method: str, *parameters: object) -> Any:
        """Call a method and give its result.

        RpcError if the node answers with an error, ConnectionError if it cannot be reached or refuses the credentials.
        """
        request = {"jsonrpc": "1.0", "id": next(self._ids), "method": method, "params": parameters}
        answer = self._post(json.dumps(request).encode())
        if answer["error"] is not None:
            raise RpcError(method, answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def _post(self, body: bytes) -> dict[str, Any]:
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self.close()
        try:
            self._connection.request("POST", "/", body, self._headers)
            response = self._connection.getresponse()
            content = response.read()
            self._used = time.monotonic()
        except (http.client.HTTPException, OSError) as failure:
            self.close()
            msg = f"no answer from the node at {self._connection.host}:{self._connection.port}: {failure}"
            raise ConnectionError(msg) from failure
        if response.status == http.client.UNAUTHORIZED:
            msg = "the node refuses the credentials"
            raise ConnectionError(msg)
        answer: dict[str, Any] = json.loads(content, parse_float=Decimal)
        return answer

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._connection.close()

"""JSON-RPC over HTTP/1.1 to a node on the loopback interface, for asyncio: a few connections that stay open.

A connection that the node has closed meanwhile is replaced and the call sent again, but only if calling twice does no
harm (`idempotent`); other calls get a new connection at once and are sent exactly once. A node that is still starting
(code -28) is asked again until the time is up.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import json
import socket
import time
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Self

from boltchain.rpc import LOOPBACK, RpcError

WARMING_UP = -28
"""RPC error code of a node that is still starting."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Longest answer that is read: a full block in hexadecimal takes 8 million bytes."""

_MAX_HEADER_BYTES = 16 * 1024
_IDLE_SECONDS = 10
"""After this time a connection is opened anew: the node drops those that are idle for 30 seconds."""
_WARM_UP_POLL_SECONDS = 0.05
_HTTP_UNAUTHORIZED = 401
_HTTP_UNAVAILABLE = 503


class ChainUnavailable(ConnectionError):
    """The node cannot be reached, does not answer in time, or answers with something that is not JSON-RPC."""


class CredentialsRefused(ChainUnavailable):
    """The node answers and refuses the user name and password."""


class _Lost(Exception):
    """The connection broke in the middle of an exchange."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a node listens and how to log in. ValueError unless `host` is a loopback address.

    Exactly one of `cookie` (path of the node's cookie file, read anew for each connection, since the node makes up new
    credentials at each start) and `credentials` ("user:password") is given.
    """

    port: int
    cookie: Path | None = None
    credentials: str | None = field(default=None, repr=False)
    host: str = LOOPBACK

    def __post_init__(self) -> None:
        if not _is_loopback(self.host):
            msg = f"the node must be on the loopback interface (127.0.0.0/8 or ::1), not on {self.host}"
            raise ValueError(msg)
        if (self.cookie is None) == (self.credentials is None):
            msg = "either a cookie file or user:password is needed, and not both"
            raise ValueError(msg)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def authorization(self) -> str:
        """The value of the HTTP header; :class:`ChainUnavailable` if there is no cookie file (yet)."""
        credentials = self.credentials
        if self.cookie is not None:
            try:
                credentials = self.cookie.read_text("utf-8")
            except OSError as failure:
                msg = f"no credentials for the node at {self}: {failure}; is it running with this data directory?"
                raise ChainUnavailable(msg) from failure
        assert credentials is not None
        return "Basic " + base64.b64encode(credentials.encode()).decode()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class RpcConnections:
    """A pool of at most `connections` open connections to one node. For use within one event loop."""

    def __init__(self, endpoint: Endpoint, *, timeout_seconds: int = 60, connections: int = 4) -> None:
        self.endpoint = endpoint
        """Where the node is."""
        self._timeout_seconds = timeout_seconds
        self._connections = connections
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._ids = count()

    async def call(self, method: str, *parameters: object, idempotent: bool = True) -> Any:
        """Call a method and give its result; numbers with a decimal point come as Decimal.

        RpcError if the node answers with an error, :class:`ChainUnavailable` if there is no answer in time.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await self._call_when_ready(method, parameters, idempotent)
            except TimeoutError as failure:
                msg = (
                    f"the node at {self.endpoint} did not answer {method} within {self._timeout_seconds} s; "
                    "it hangs or is overloaded: look at its log"
                )
                raise ChainUnavailable(msg) from failure

    async def close(self) -> None:
        """Close all connections. A later call would open new ones."""
        while self._idle:
            self._idle.pop().close()

    async def _call_when_ready(self, method: str, parameters: tuple[object, ...], idempotent: bool) -> Any:
        request = {"jsonrpc": "1.0", "id": next(self._ids), "method": method, "params": parameters}
        body = json.dumps(request).encode()
        while True:
            answer = await self._exchange(method, body, idempotent)
            if (error := answer.get("error")) is None:
                return answer.get("result")
            if error["code"] != WARMING_UP:
                raise RpcError(method, error["code"], error["message"])
            await asyncio.sleep(_WARM_UP_POLL_SECONDS)

    async def _exchange(self, method: str, body: bytes, idempotent: bool) -> dict[str, Any]:
        """One request and its answer; a connection that the node has closed meanwhile is replaced once."""
        # What must not be sent twice gets a new connection: one that is open might be closed by the node this moment.
        if idempotent and (reused := self._take()) is not None:
            with contextlib.suppress(_Lost):
                return await self._over(reused, body)
        try:
            connection = await _Connection.open(self.endpoint)
        except OSError as failure:
            if isinstance(failure, ChainUnavailable):
                raise
            raise self._unavailable(method, failure, "start the node, or correct host and port") from failure
        try:
            return await self._over(connection, body)
        except _Lost as failure:
            advice = "the node has stopped or was restarted"
            if not idempotent:
                advice += ", and it is not known whether it did what was asked"
            raise self._unavailable(method, failure, advice) from failure

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.stale:
                return connection
            connection.close()
        return None

    async def _over(self, connection: _Connection, body: bytes) -> dict[str, Any]:
        try:
            status, content = await connection.post(body)
        except BaseException:  # a cancelled exchange leaves its answer on the wire
            connection.close()
            raise
        if len(self._idle) < self._connections:
            self._idle.append(connection)
        else:
            connection.close()
        if status == _HTTP_UNAUTHORIZED:
            msg = f"the node at {self.endpoint} refuses the credentials: use those of its cookie file or configuration"
            raise CredentialsRefused(msg)
        return self._decode(status, content)

    def _decode(self, status: int, content: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(content, parse_float=Decimal)
        except ValueError as failure:
            shown = content[:80].decode("utf-8", "replace")
            hint = "its work queue is full" if status == _HTTP_UNAVAILABLE else "is this the RPC port?"
            msg = f"the node at {self.endpoint} answers with HTTP status {status} and no JSON ({shown!r}): {hint}"
            raise ChainUnavailable(msg) from failure
        if not isinstance(answer, dict) or not isinstance(answer.get("error"), dict | None):
            msg = f"the node at {self.endpoint} answers with JSON that is no JSON-RPC: {content[:80]!r}"
            raise ChainUnavailable(msg)
        return answer

    def _unavailable(self, method: str, failure: Exception, advice: str) -> ChainUnavailable:
        return ChainUnavailable(f"no answer to {method} from the node at {self.endpoint}: {failure}; {advice}")


class _Connection:
    """One open HTTP connection; one exchange at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head
        self._used = time.monotonic()

    @classmethod
    async def open(cls, endpoint: Endpoint) -> Self:
        """Connect; OSError if nobody listens."""
        authorization = endpoint.authorization()
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, limit=_MAX_HEADER_BYTES)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = (
            f"POST / HTTP/1.1\r\nHost: {endpoint}\r\nAuthorization: {authorization}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        return cls(reader, writer, head.encode())

    @property
    def stale(self) -> bool:
        """Whether the node has closed this connection, or is about to."""
        return self._reader.at_eof() or time.monotonic() - self._used > _IDLE_SECONDS

    def close(self) -> None:
        """Drop the connection without ceremony."""
        self._writer.transport.abort()

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Send a request and give the answer's HTTP status and content."""
        try:
            self._writer.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
            await self._writer.drain()
            status, length = await self._read_head()
            content = await self._reader.readexactly(length)
        except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as failure:
            raise _Lost(str(failure) or type(failure).__name__) from failure
        self._used = time.monotonic()
        return status, content

    async def _read_head(self) -> tuple[int, int]:
        """The answer's status and the length of its content. ValueError if it is not as HTTP should be."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        words = status_line.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
            msg = f"no HTTP answer: {status_line[:80]!r}"
            raise ValueError(msg)
        fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
        length = int(fields.get("content-length", "-1"))
        if not 0 <= length <= MAX_ANSWER_BYTES:
            msg = f"the answer's length is {length} bytes; at most {MAX_ANSWER_BYTES} are read"
            raise ValueError(msg)
        return int(words[1]), length

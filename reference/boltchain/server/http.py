"""JSON-RPC over HTTP/1.1 on the loopback interface, with limits on everything that a client can send or withhold.

One request is read, answered and forgotten before the next one of the same connection is looked at. A client can make
this server keep at most one request's body, and only for as long as a request may take; beyond the limits its
connection is closed, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import socket
from decimal import Decimal
from typing import Any

from boltchain.rpc import LOOPBACK
from boltchain.server.answers import encode
from boltchain.server.methods import call
from boltchain.server.node import RegtestNode
from boltchain.server.parameters import METHOD_UNKNOWN, Failure

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Longest request that is read, as with Bitcoin Core."""

MAX_CONNECTIONS = 256
"""Connections at one time; further ones are closed at once."""

REQUEST_SECONDS = 30
"""How long a connection may be silent, and how long a request or an answer may take to pass."""

_MAX_HEAD_BYTES = 8 * 1024
_MAX_BATCH = 1_000
_PARSE_ERROR, _INVALID_REQUEST, _INTERNAL_ERROR = -32700, -32600, -32603
_LOG = logging.getLogger(__name__)

_STATUS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}


class _Refused(Exception):
    """The HTTP request itself is wrong: the status, and what to say. The connection is closed after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RpcServer:
    """Serves `node` to whoever shows `credentials` ("user:password")."""

    def __init__(self, node: RegtestNode, credentials: str) -> None:
        self._node = node
        self._authorization = "Basic " + base64.b64encode(credentials.encode()).decode()
        self._connections: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()

    async def start(self, port: int) -> int:
        """Listen on a port of the loopback interface (0: any free one) and give it. OSError if it is taken."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port, limit=_MAX_HEAD_BYTES, backlog=128)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stopped(self) -> None:
        """Wait until somebody asks the server to stop: the RPC method `stop`, or `stop`."""
        await self._stop.wait()

    def stop(self) -> None:
        """Make `stopped` return."""
        self._stop.set()

    async def close(self) -> None:
        """Close all connections, whatever they are doing: no call is left half done, since calls do not pause."""
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(task)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, EOFError, TimeoutError):
            pass  # the client is gone, or too slow
        except asyncio.CancelledError:
            if not self._stop.is_set() and self._server.is_serving():
                raise
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request and answer it; whether the connection stays open."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                body, keep_open = await self._read(reader)
        except _Refused as refused:
            await self._write(writer, refused.status, str(refused).encode(), keep_open=False)
            return False
        status, content = await self._answer(body)
        await self._write(writer, status, content, keep_open=keep_open)
        return keep_open

    async def _read(self, reader: asyncio.StreamReader) -> tuple[bytes, bool]:
        """A request's body, and whether the client wants the connection to stay open."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as failure:
            raise _Refused(431, f"the head of a request has at most {_MAX_HEAD_BYTES} bytes") from failure
        request_line, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        words = request_line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise _Refused(400, "this is no HTTP request")
        if words[0] != "POST":
            raise _Refused(405, "JSONRPC server handles only POST requests")
        if not hmac.compare_digest(fields.get("authorization", "").encode(), self._authorization.encode()):
            raise _Refused(401, "wrong or missing credentials: use those of the cookie file")
        length = fields.get("content-length", "")
        if not length.isascii() or not length.isdecimal() or len(length) > 12:
            raise _Refused(400, "the request must state its Content-Length")
        if int(length) > MAX_BODY_BYTES:
            raise _Refused(413, f"a request has at most {MAX_BODY_BYTES} bytes")
        if fields.get("expect", "").lower() == "100-continue":
            raise _Refused(400, "send the body at once: Expect is not supported")
        return await reader.readexactly(int(length)), fields.get("connection", "").lower() != "close"

    async def _write(self, writer: asyncio.StreamWriter, status: int, content: bytes, *, keep_open: bool) -> None:
        head = f"HTTP/1.1 {status} {_STATUS[status]}\r\nContent-Type: application/json\r\n"
        if status == 401:
            head += 'WWW-Authenticate: Basic realm="jsonrpc"\r\n'
        if not keep_open:
            head += "Connection: close\r\n"
        writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        async with asyncio.timeout(REQUEST_SECONDS):
            await writer.drain()
            if not keep_open:
                writer.close()
                await writer.wait_closed()

    async def _answer(self, body: bytes) -> tuple[int, bytes]:
        """The HTTP status and the JSON that answer a body."""
        try:
            request = json.loads(body, parse_float=Decimal)
        except (ValueError, RecursionError):
            return 500, _reply(None, None, _PARSE_ERROR, "Parse error")
        if isinstance(request, list):
            if not 1 <= len(request) <= _MAX_BATCH:
                message = f"a batch holds between 1 and {_MAX_BATCH} requests"
                return 400, _reply(None, None, _INVALID_REQUEST, message)
            answers = [(await self._answer_one(each))[1] for each in request]
            return 200, b"[" + b",".join(answers) + b"]\n"
        status, content = await self._answer_one(request)
        return status, content + b"\n"

    async def _answer_one(self, request: Any) -> tuple[int, bytes]:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return 400, _reply(None, None, _INVALID_REQUEST, "a request is an object with a method")
        id_, modern = request.get("id"), request.get("jsonrpc") == "2.0"
        parameters = request.get("params")
        if parameters is None:
            parameters = []
        if not isinstance(parameters, list | dict):
            return 400, _reply(id_, None, _INVALID_REQUEST, "params must be an array or an object", modern=modern)
        if isinstance(id_, list | dict):
            return 400, _reply(None, None, _INVALID_REQUEST, "id must be a string, a number or null", modern=modern)
        return await self._call(request["method"], parameters, id_, modern=modern)

    async def _call(
        self, name: str, parameters: list[Any] | dict[str, Any], id_: Any, *, modern: bool
    ) -> tuple[int, bytes]:
        if name == "stop":
            self.stop()
            return 200, _reply(id_, "boltchain stopping", modern=modern)
        try:
            return 200, _reply(id_, await call(self._node, name, parameters), modern=modern)
        except Failure as failure:
            status = 404 if failure.code == METHOD_UNKNOWN else 500
            return 200 if modern else status, _reply(id_, None, failure.code, failure.message, modern=modern)
        except Exception as failure:
            _LOG.exception("method %s failed", name)
            message = f"internal error in {name}: {type(failure).__name__}: {failure}; see the server's log"
            return 200 if modern else 500, _reply(id_, None, _INTERNAL_ERROR, message, modern=modern)


def _reply(id_: Any, result: Any, code: int | None = None, message: str = "", *, modern: bool = False) -> bytes:
    """An answer object; with an error if there is a code. JSON-RPC 2.0 leaves out what does not apply."""
    error = None if code is None else {"code": code, "message": message}
    answer: dict[str, Any] = {"result": result, "error": error, "id": id_}
    if modern:
        answer = {"jsonrpc": "2.0", "id": id_} | ({"result": result} if error is None else {"error": error})
    return encode(answer).encode()

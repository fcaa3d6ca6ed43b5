"""The unix socket: connections, requests in turn, answers.

Whoever can open the socket owns the node: it is for the user that runs it. Requests of one connection are answered one
after the other, those of different connections at once.
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from boltnode.rpc.command import Command, Result
from boltnode.rpc.errors import Code, RpcError
from boltnode.rpc.framing import FramingError, RequestReader, encode_response
from boltnode.rpc.reply_filter import filtered
from boltnode.storage.errors import StorageError
from boltnode.storage.latch import SigningStopped

MAX_CONNECTIONS: Final = 100
"""At once; more are closed at once."""
ANSWER_SECONDS: Final = 5.0
"""How long a node that stops waits for commands to end; after that they are answered that it stops."""
LINGER_SECONDS: Final = 1.0
"""For a client that sent nonsense to read that it did."""
_READ_SIZE: Final = 1 << 16

_log = logging.getLogger(__name__)


class RpcServer:
    """Listens on a unix socket and runs the commands of a table."""

    def __init__(self, commands: Mapping[str, Command], services: object) -> None:
        """Not listening yet; ``services`` is what every command gets as its first argument."""
        self._commands = commands
        self._services = services
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._running: set[asyncio.Task[Result]] = set()
        self._path: Path | None = None
        self._answers_due = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.answer_seconds = ANSWER_SECONDS

    async def start(self, path: Path) -> None:
        """Listen on ``path``; a socket that a dead process left there is replaced. OSError if it cannot be had."""
        if path.is_socket():
            path.unlink()
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._on_connection, path)
        finally:
            os.umask(mask)
        self._path = path

    async def close(self) -> None:
        """Stop listening, let commands end for a while and be answered, close the connections."""
        if self._server is not None:
            self._server.close()
        await self._wait_for_answers()
        for task in list(self._running):
            task.cancel()
        await self._wait_for_answers()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    async def _wait_for_answers(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.answer_seconds):
                await self._idle.wait()

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except (FramingError, _Malformed) as error:
            with suppress(ConnectionError):
                await _write(writer, _malformed(str(error)))
                await _let_read(reader, writer)
        except ConnectionError:
            pass  # the client has gone; so be it
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests = RequestReader()
        while data := await reader.read(_READ_SIZE):
            for request in requests.feed(data):
                await self._answer(request, writer)
            requests.require_intact()

    async def _answer(self, request: Any, writer: asyncio.StreamWriter) -> None:
        id_ = _id_of(request)
        self._answers_due += 1
        self._idle.clear()
        try:
            await _write(writer, {"jsonrpc": "2.0", "id": id_} | await self._outcome(request))
        finally:
            self._answers_due -= 1
            if not self._answers_due:
                self._idle.set()

    async def _outcome(self, request: dict[str, Any]) -> dict[str, object]:
        try:
            return {"result": await self._run(request)}
        except RpcError as error:
            return {"error": error.shape}

    async def _run(self, request: dict[str, Any]) -> object:
        """The result; a client that goes away does not stop what it has asked for."""
        method, params = request.get("method"), request.get("params")
        if not isinstance(method, str):
            raise RpcError(Code.INVALID_REQUEST, "Expected string for method" if "method" in request else "No method")
        if not isinstance(params, list | dict):
            raise RpcError(Code.INVALID_REQUEST, "Expected array or object for params" if params else "No params")
        command = self._commands.get(method)
        if command is None:
            raise RpcError(Code.METHOD_NOT_FOUND, f"Unknown command '{method[:100]}'")
        arguments = command.arguments(params)
        task = asyncio.ensure_future(self._call(command, arguments))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            result = await task
        except asyncio.CancelledError:
            if task.cancelled():
                raise RpcError(Code.SHUTTING_DOWN, "the node is stopping") from None
            raise
        return filtered(result, request["filter"]) if "filter" in request else result

    async def _call(self, command: Command, arguments: dict[str, Any]) -> Result:
        try:
            return await command.run(self._services, **arguments)
        except RpcError:
            raise
        except (SigningStopped, StorageError) as error:
            raise RpcError(Code.UNSPECIFIED, str(error)) from error
        except Exception as error:
            _log.exception("command failed", extra={"command": command.name})
            raise RpcError(Code.UNSPECIFIED, f"internal error: {type(error).__name__}; see the log") from error


class _Malformed(ValueError):
    """A JSON object that is no request: there is nothing to answer to."""


def _id_of(request: Any) -> str | int | None:
    if not isinstance(request, dict):
        raise _Malformed("Expected {} for json command")
    if "id" not in request:
        raise _Malformed("No id")
    found = request["id"]
    if isinstance(found, list | dict):
        raise _Malformed("Expected string/primitive for id")
    if request.get("jsonrpc") != "2.0":
        raise _Malformed('jsonrpc: "2.0" must be specified in the request')
    plain: str | int | None = found if isinstance(found, str | int | None) else json.loads(str(found))
    return plain


def _malformed(reason: str) -> dict[str, object]:
    """The last thing that is said on a connection that makes no sense."""
    return {"jsonrpc": "2.0", "id": None, "error": RpcError(Code.INVALID_REQUEST, reason).shape}


async def _write(writer: asyncio.StreamWriter, response: dict[str, object]) -> None:
    writer.write(encode_response(response))
    await writer.drain()


async def _let_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give the client time to read: what it has sent and nobody reads would take our last words with it."""
    writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(_READ_SIZE):
                pass

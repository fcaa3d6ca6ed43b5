"""The unix socket: connections, requests in turn, answers.

Whoever can open the socket owns the node: it is for the user that runs it. Requests of one connection are answered one
after the other, those of different connections at once.
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
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

    async def start(self, path: Path) -> None:
        """Listen on ``path``; a socket that a dead process left there is replaced. OSError if it cannot be had."""
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._on_connection, path)
        finally:
            os.umask(mask)
        self._path = path

    async def close(self) -> None:
        """Stop listening, let commands that run end, close the connections."""
        if self._server is not None:
            self._server.close()
        if self._running:
            await asyncio.wait(self._running)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests = RequestReader()
        try:
            while data := await reader.read(_READ_SIZE):
                for request in requests.feed(data):
                    await self._answer(request, writer)
        except FramingError as error:
            await _write(writer, _malformed(str(error)))
        except _Malformed as error:
            await _write(writer, _malformed(str(error)))
        except ConnectionError:
            pass  # the client has gone; so be it
        finally:
            writer.close()

    async def _answer(self, request: Any, writer: asyncio.StreamWriter) -> None:
        id_ = _id_of(request)
        try:
            outcome: dict[str, object] = {"result": await self._run(request)}
        except RpcError as error:
            outcome = {"error": error.shape}
        await _write(writer, {"jsonrpc": "2.0", "id": id_} | outcome)

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
        result = await asyncio.shield(task)
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

"""One command over the unix socket of a node, for the command line."""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from boltnode.rpc.framing import RESPONSE_END


class NoAnswer(Exception):
    """The node cannot be reached, or does not answer as it should; the text says why."""


def call(path: Path, method: str, params: Sequence[object] | Mapping[str, object]) -> dict[str, Any]:
    """The response of the node that listens at ``path``: an object with ``result`` or ``error``. :class:`NoAnswer`.

    Waits as long as the command takes.
    """
    request = {"jsonrpc": "2.0", "id": f"boltnode:{method}", "method": method, "params": params}
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode())
            return _response(connection)
    except OSError as error:
        raise NoAnswer(f"Connecting to '{path}': {error.strerror or error} (is the node running?)") from error


def _response(connection: socket.socket) -> dict[str, Any]:
    received = b""
    while not received.endswith(RESPONSE_END):
        data = connection.recv(1 << 16)
        if not data:
            raise NoAnswer("the node closed the connection without an answer")
        received += data
    try:
        response = json.loads(received)
    except ValueError as error:
        raise NoAnswer(f"the answer is no JSON: {error}") from error
    if not isinstance(response, dict) or ("result" in response) == ("error" in response):
        raise NoAnswer("the answer has neither result nor error")
    return response

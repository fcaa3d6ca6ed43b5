"""What a command can answer instead of a result, with Core Lightning's numbers."""

from enum import IntEnum
from typing import Final


class Code(IntEnum):
    """``code`` of an error object."""

    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    UNSPECIFIED = -1
    """Nothing more exact applies."""
    SHUTTING_DOWN = -5
    """The node is stopping."""
    PAY_IN_PROGRESS = 200
    PAY_RHASH_ALREADY_USED = 201
    """Paid already, and not what is asked for now."""
    PAY_DESTINATION_PERM_FAIL = 203
    PAY_ROUTE_NOT_FOUND = 205
    PAY_ROUTE_TOO_EXPENSIVE = 206
    PAY_INVOICE_EXPIRED = 207
    PAY_STOPPED_RETRYING = 210
    FUND_MAX_EXCEEDED = 300
    FUND_CANNOT_AFFORD = 301
    FUND_OUTPUT_IS_DUST = 302
    FUNDING_BROADCAST_FAIL = 303
    FUNDING_STILL_SYNCING_BITCOIN = 304
    FUNDING_PEER_NOT_CONNECTED = 305
    FUNDING_UNKNOWN_PEER = 306
    CONNECT_NO_KNOWN_ADDRESS = 400
    CONNECT_ALL_ADDRESSES_FAILED = 401
    CONNECT_DISCONNECTED_DURING = 402
    INVOICE_LABEL_ALREADY_EXISTS = 900
    INVOICE_PREIMAGE_ALREADY_EXISTS = 901


MAX_SHOWN: Final = 100
"""Characters of a user's own input that an error repeats."""


class RpcError(Exception):
    """An error object: ``code``, ``message`` and, if there is more to say, ``data``."""

    def __init__(self, code: Code, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def shape(self) -> dict[str, object]:
        """As JSON-RPC has it."""
        found: dict[str, object] = {"code": int(self.code), "message": self.message}
        return found if self.data is None else found | {"data": self.data}


def bad_parameter(name: str, expected: str, value: object) -> RpcError:
    """The error for a parameter that should be something else, in the words of Core Lightning."""
    shown = value if isinstance(value, str) else repr(value)
    if len(shown) > MAX_SHOWN:
        shown = shown[:MAX_SHOWN] + "…"
    return RpcError(Code.INVALID_PARAMS, f"{name}: should be {expected}: invalid token '{shown}'")

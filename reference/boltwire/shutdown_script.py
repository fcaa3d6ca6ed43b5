"""The output scripts that closing may pay to (BOLT 2, Closing Initiation: shutdown)."""

from collections.abc import Iterable
from typing import Final

_OP_0: Final = 0x00
_OP_1: Final = 0x51
_OP_16: Final = 0x60
_OP_RETURN: Final = 0x6A
_OP_PUSHDATA1: Final = 0x4C


def is_shutdown_script(script: bytes, negotiated: Iterable[str] = ()) -> bool:
    """Whether ``script`` has one of the accepted forms, given the names of the negotiated features.

    B02-shutdown-s-10, B02-shutdown-s-11 (P2WPKH, P2WSH), B02-shutdown-s-12 (later witness versions),
    B02-shutdown-s-13, B02-shutdown-s-14 (OP_RETURN).
    """
    features = frozenset(negotiated)
    return (
        is_segwit_v0(script)
        or ("option_shutdown_anysegwit" in features and is_later_segwit(script))
        or ("option_simple_close" in features and is_op_return(script))
    )


def is_segwit_v0(script: bytes) -> bool:
    """OP_0 and a push of 20 (P2WPKH) or 32 bytes (P2WSH): B02-shutdown-s-10, B02-shutdown-s-11."""
    return script[:2] in (bytes((_OP_0, 20)), bytes((_OP_0, 32))) and len(script) == 2 + script[1]


def is_later_segwit(script: bytes) -> bool:
    """OP_1 to OP_16 and a single push of 2 to 40 bytes: B02-shutdown-s-12."""
    return 4 <= len(script) <= 42 and _OP_1 <= script[0] <= _OP_16 and script[1] == len(script) - 2


def is_op_return(script: bytes) -> bool:
    """OP_RETURN and one push: direct of 6 to 75 bytes (B02-shutdown-s-13), or OP_PUSHDATA1 of 76 to 80.

    B02-shutdown-s-14 is the longer form.
    """
    if len(script) < 3 or script[0] != _OP_RETURN:
        return False
    if script[1] == _OP_PUSHDATA1:
        return 76 <= script[2] <= 80 and len(script) == 3 + script[2]
    return 6 <= script[1] <= 75 and len(script) == 2 + script[1]

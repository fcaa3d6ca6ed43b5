"""Output scripts as facts: their form, the length of what they push, and whose they are.

Which key a script pays is a name here; bytes live in ``boltwire``. All that the rules of closing depend on is the form
(BOLT 2, ``shutdown``) and the dust threshold that follows from it (BOLT 3, Dust Limits).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from boltspec.units import Sat


class Form(StrEnum):
    """Forms of an output script."""

    P2PKH = "pay to pubkey hash"
    P2SH = "pay to script hash"
    WITNESS_V0 = "witness program of version 0"
    WITNESS_LATER = "witness program of a version from 1 to 16"
    PAY_TO_ANCHOR = "pay to anchor"
    """The one witness program of version 1 and 2 bytes that anybody can spend."""
    OP_RETURN = "OP_RETURN and a direct push"
    OP_RETURN_PUSHDATA1 = "OP_RETURN and OP_PUSHDATA1"
    OTHER = "none of these"


OLD_FORMS = (Form.P2PKH, Form.P2SH)
"""Forms that old nodes may still send and that may be accepted after a warning (BOLT 2, rationale of ``shutdown``)."""


@dataclass(frozen=True, slots=True, order=True)
class Script:
    """An output script."""

    form: Form
    length: int
    """Bytes of the hash, of the witness program or of the pushed data."""
    name: str
    """Tells scripts of one form apart: whom it pays."""

    @property
    def is_op_return(self) -> bool:
        """The output can never be spent."""
        return self.form in (Form.OP_RETURN, Form.OP_RETURN_PUSHDATA1)


def p2wpkh(name: str) -> Script:
    """Return the commonest script: version 0, 20 bytes."""
    return Script(Form.WITNESS_V0, 20, name)


def p2wsh(name: str) -> Script:
    """Return a script of version 0 and 32 bytes."""
    return Script(Form.WITNESS_V0, 32, name)


def dust_threshold(script: Script) -> Sat:
    """Return the amount below which Bitcoin Core does not relay an output with this script (BOLT 3, Dust Limits).

    Scripts that BOLT 3 does not list count like the costliest that it does.
    """
    match script.form:
        case Form.OP_RETURN | Form.OP_RETURN_PUSHDATA1:
            return Sat(0)
        case Form.PAY_TO_ANCHOR:
            return Sat(240)
        case Form.WITNESS_V0 if script.length == 20:
            return Sat(294)
        case Form.WITNESS_V0 if script.length == 32:
            return Sat(330)
        case Form.WITNESS_LATER:
            return Sat(354)
        case Form.P2SH:
            return Sat(540)
        case _:
            return Sat(546)


def is_dust(script: Script, amount: Sat) -> bool:
    """Say whether an output would not be relayed."""
    return amount < dust_threshold(script)


def is_permitted(script: Script, *, option_shutdown_anysegwit: bool, option_simple_close: bool) -> bool:
    """Say whether ``shutdown`` may name the script, given what was negotiated.

    The forms are B02-shutdown-s-10 and B02-shutdown-s-11 (version 0), B02-shutdown-s-12 (later versions),
    B02-shutdown-s-13 and B02-shutdown-s-14 (``OP_RETURN``).
    """
    match script.form:
        case Form.WITNESS_V0:
            return script.length in (20, 32)
        case Form.WITNESS_LATER:
            return option_shutdown_anysegwit and 2 <= script.length <= 40
        case Form.PAY_TO_ANCHOR:
            return option_shutdown_anysegwit
        case Form.OP_RETURN:
            return option_simple_close and 6 <= script.length <= 75
        case Form.OP_RETURN_PUSHDATA1:
            return option_simple_close and 76 <= script.length <= 80
        case _:
            return False

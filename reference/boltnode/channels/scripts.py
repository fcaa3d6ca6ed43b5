"""Output scripts of closing: from their bytes to what the specification looks at, and back (BOLT 2, ``shutdown``)."""

from boltspec.closing.scripts import Form, Script
from boltwire.scripts import PAY_TO_ANCHOR, is_witness_program
from boltwire.shutdown_script import is_op_return

_OP_PUSHDATA1 = 0x4C


def script_fact(script: bytes) -> Script:
    """The form and length of a script; its name is its bytes in hexadecimal."""
    form, length = _form(script)
    return Script(form, length, script.hex())


def script_bytes(fact: Script) -> bytes:
    """The script that :func:`script_fact` was made of."""
    return bytes.fromhex(fact.name)


def _form(script: bytes) -> tuple[Form, int]:
    if script == PAY_TO_ANCHOR:
        return Form.PAY_TO_ANCHOR, 2
    if is_witness_program(script):
        return (Form.WITNESS_LATER if script[0] else Form.WITNESS_V0), len(script) - 2
    if len(script) == 25 and script.startswith(b"\x76\xa9\x14") and script.endswith(b"\x88\xac"):
        return Form.P2PKH, 20
    if len(script) == 23 and script.startswith(b"\xa9\x14") and script.endswith(b"\x87"):
        return Form.P2SH, 20
    if is_op_return(script):
        pushed = script[1] == _OP_PUSHDATA1
        return (Form.OP_RETURN_PUSHDATA1, script[2]) if pushed else (Form.OP_RETURN, script[1])
    return Form.OTHER, len(script)

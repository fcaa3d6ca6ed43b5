"""Quantities: amounts, heights and feerates that a type checker keeps apart.

At run time every quantity is a plain ``int`` and its constructor returns its argument, so that searches stay fast and
the prover can pass symbolic integers through the same functions. For the type checker each is a class of its own that
has only the operators which make sense: a height minus a height is a number of blocks, satoshis and millisatoshis do
not mix. There is no float anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    class _Quantity:
        def __init__(self, value: int) -> None: ...
        def __add__(self, other: Self) -> Self: ...
        def __sub__(self, other: Self) -> Self: ...
        def __neg__(self) -> Self: ...
        def __mul__(self, factor: int) -> Self: ...
        def __lt__(self, other: Self) -> bool: ...
        def __le__(self, other: Self) -> bool: ...
        def __gt__(self, other: Self) -> bool: ...
        def __ge__(self, other: Self) -> bool: ...
        def __int__(self) -> int: ...

    class Msat(_Quantity):
        """Millisatoshis: the unit of channel balances and HTLC amounts (BOLT 2)."""

        def __floordiv__(self, divisor: int) -> int: ...

    class Sat(_Quantity):
        """Satoshis: the unit of the blockchain and of limits in BOLT 2."""

    class Blocks(_Quantity):
        """A number of blocks: the difference of two heights, or a delay."""

    class Height:
        """A block height, as in ``cltv_expiry``."""

        def __init__(self, value: int) -> None: ...
        def __add__(self, other: Blocks) -> Height: ...
        def __sub__(self, other: Height) -> Blocks: ...
        def __lt__(self, other: Height) -> bool: ...
        def __le__(self, other: Height) -> bool: ...
        def __gt__(self, other: Height) -> bool: ...
        def __ge__(self, other: Height) -> bool: ...
        def __int__(self) -> int: ...

    class FeeratePerKw:
        """Satoshis per 1000 weight units (``feerate_per_kw``)."""

        def __init__(self, value: int) -> None: ...
        def __mul__(self, weight: int) -> int: ...

else:

    def _same(value):
        return value

    Msat = Sat = Blocks = Height = FeeratePerKw = _same


def to_msat(amount: Sat) -> Msat:
    """Return a satoshi amount in millisatoshis."""
    return Msat(amount * 1000)  # type: ignore[arg-type]  # the one place where the unit changes upwards


def floor_to_sat(amount: Msat) -> Sat:
    """Return the whole satoshis of an amount: outputs are rounded down (B03-commitment-outputs-b-01)."""
    return Sat(amount // 1000)

"""Scenarios of closing: the small worlds that are searched exhaustively.

Fixed are the balances, what each party wants and who is corrupt. Open, hence searched, is who moves when, what is
delivered when, and what a corrupt party says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from boltspec.closing.messages import FeeRange
from boltspec.closing.scripts import Script
from boltspec.closing.state import ClosingFeatures, ClosingPolicy
from boltspec.params import Params
from boltspec.units import FeeratePerKw, Msat, Sat


class Bid(NamedTuple):
    """A ``closing_complete`` that a party wants to send."""

    script: Script
    fee_satoshis: Sat


class Offer(NamedTuple):
    """An HTLC that a party wants to offer."""

    offerer: int
    amount_msat: Msat


class Menu(NamedTuple):
    """What the tempted can choose from."""

    fees: tuple[Sat, ...] = ()
    ranges: tuple[FeeRange, ...] = ()
    scripts: tuple[Script, ...] = ()


@dataclass(frozen=True, slots=True)
class CloseScenario:
    """A world to search."""

    name: str
    title: str
    params: Params
    """Constants of the channel, seen from A, who opened it."""
    push_msat: Msat
    """What B has."""
    features: ClosingFeatures
    policies: tuple[ClosingPolicy, ClosingPolicy]
    upfront: tuple[Script | None, Script | None] = (None, None)
    """The script that each committed to."""
    offers: tuple[Offer, ...] = ()
    """HTLCs that may be offered, each once."""
    feerates_per_kw: tuple[FeeratePerKw, ...] = ()
    """Feerates that A wants to set, one after another."""
    bids: tuple[tuple[Bid, ...], tuple[Bid, ...]] = ((), ())
    """The proposals that each wants to make one after another, with ``option_simple_close``."""
    starts: tuple[bool, bool] = (True, True)
    """Who wants to close without being asked."""
    funded: bool = True
    """The world begins with an open channel, else before ``funding_created``."""
    corrupt: tuple[bool, bool] = (False, False)
    abuses: int = 0
    """How many messages that the rules forbid a corrupt party may send."""
    careless: bool = False
    """Honest parties too are tempted by every forbidden message: only their sender rules hold them back."""
    menu: Menu = Menu()  # noqa: RUF009  # immutable
    reconnections: int = 0
    """How often the parties connect again after the connection was closed."""

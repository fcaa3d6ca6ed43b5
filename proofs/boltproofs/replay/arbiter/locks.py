"""Asking consensus about spends: refused one block before the model's locks open, taken when they do.

Every way to spend each unspent output is tried by the party that has the keys for it. Where that party lacks the secret
or the preimage it tries with a guess, and a script must refuse that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from boltchain.interface import Chain
from boltproofs.replay.arbiter.making import Maker
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.keyring import payment_preimage
from boltspec.chain.conditions import CONDITIONS, Condition, Keys, Kind, Use, first_block
from boltspec.chain.ledger import Confirmed
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Transaction, spending
from boltspec.chain.world import ChainWorld, ways
from boltspec.scenario import NAMES
from boltspec.units import Blocks, Height

LOCKED_BY_HEIGHT = "bad-txns-nonfinal, non-final transaction"
LOCKED_BY_AGE = "bad-txns-nonfinal, contains a non-BIP68-final transaction"
SCRIPT_FAILS = "script-verify-flag-failed"


class Attempt(NamedTuple):
    """A spend that is tried."""

    party: int
    confirmed: Confirmed
    way: Condition
    transaction: Transaction
    """The model's."""
    opens: Height
    """The first block that may hold it, so the model says."""
    missing: str
    """What the party does not have; empty if it has all."""


def attempts(world: ChainWorld, scenario: ChainScenario, extra: Sequence[Confirmed]) -> Iterator[Attempt]:
    """Yield every spend that is worth trying; ``extra`` are outputs that the model counts as received already."""
    for confirmed in (*world.ledger.unspent, *extra):
        if confirmed.coin.kind is Kind.FUNDING:
            continue
        for way in CONDITIONS[confirmed.coin.kind]:
            party = 1 - confirmed.coin.seat if way.keys is Keys.OTHER else confirmed.coin.seat
            if way.keys is Keys.BOTH and not confirmed.coin.htlcs_signed:
                continue
            able = way.keys is Keys.ANYONE or way in ways(world, party, confirmed)
            made = spending(scenario.params, confirmed.outpoint, confirmed.coin, way, party)
            opens = first_block(confirmed.height, made.inputs[0].sequence, made.locktime)
            yield Attempt(party, confirmed, way, made, opens, "" if able else _lacking(way))


def _lacking(way: Condition) -> str:
    return "the per-commitment secret" if way.secret else "the preimage"


def try_all(
    tried: Iterator[Attempt], following: Height, chain: Chain, maker: Maker, pending: Sequence[bytes]
) -> Counter[str]:
    """Try those for which the block of height ``following`` decides, behind ``pending``; count them by kind.

    Raises :class:`Disagreement` unless consensus refuses and takes what the model does, for the same reason.
    """
    count: Counter[str] = Counter()
    for attempt in tried:
        at_once = max(attempt.opens, attempt.confirmed.height)
        early = following == attempt.opens + Blocks(-1)
        if not early and following != at_once:
            continue
        if early and attempt.missing:
            continue
        kind = "guessed" if attempt.missing else "early" if early else "open"
        count[f"tried {kind} {attempt.way.use}"] += 1
        _judge(attempt, early, chain.check(_real(attempt, maker), pending), following)
    return count


def _real(attempt: Attempt, maker: Maker) -> bytes:
    coin, outpoint = attempt.confirmed.coin, attempt.confirmed.outpoint
    match attempt.way.use:
        case Use.CLEAN_UP:
            return maker.abandoned_anchor(outpoint, coin, attempt.party).serialize()
        case Use.HTLC_TIMEOUT:
            return maker.second_stage(attempt.transaction, None).transaction.serialize()
        case Use.HTLC_SUCCESS:
            assert coin.htlc is not None
            preimage = payment_preimage(-1 if attempt.missing else coin.htlc.payment_hash)
            return maker.second_stage(attempt.transaction, preimage).transaction.serialize()
        case _:
            return maker.claim(attempt.transaction, (coin,), forged=bool(attempt.missing)).transaction.serialize()


def _judge(attempt: Attempt, early: bool, refusal: str | None, following: Height) -> None:
    expected = _expected(attempt, early, following)
    agreed = refusal is None if expected is None else refusal is not None and expected in refusal
    if agreed:
        return
    coin = attempt.confirmed.coin
    what = f"{NAMES[attempt.party]} spending {coin.kind.name.lower()} by {attempt.way.use} in block {following}"
    why = f"it lacks {attempt.missing}" if attempt.missing else f"the locks open in block {attempt.opens}"
    model = f"that it can: {why}" if expected is None else f"that it cannot: {why} ({expected})"
    raise Disagreement(what, model, "it can" if refusal is None else f"consensus: {refusal}")


def _expected(attempt: Attempt, early: bool, following: Height) -> str | None:
    """Return the reason that consensus must give, ``None`` if it must take the spend."""
    if attempt.missing:
        return SCRIPT_FAILS
    if not early:
        return None
    return LOCKED_BY_HEIGHT if attempt.transaction.locktime >= following else LOCKED_BY_AGE

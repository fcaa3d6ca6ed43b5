"""A real node's mempool against the model's policy; and a policy that is made wrong is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boltchain.bitcoind import BitcoindChain
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.relay import pool
from boltproofs.replay.relay.trial import run_trials
from boltspec.chain.conditions import first_block
from boltspec.chain.policy import (
    MOST_RELATIVES,
    Priced,
    brings_no_new_parents,
    dust_limit_sat,
    has_higher_feerate,
    has_room,
    least_replacement_fee,
)
from boltspec.units import Blocks, Height

TRIALS = 40
MOST_TRIALS = 200

EXPECTED = {
    "alone: taken",
    "alone: taken in place of others",
    "alone: dust",
    "alone: insufficient fee",
    "alone: min relay fee not met",
    "alone: non-BIP68-final",
    "alone: non-final",
    "alone: replacement-adds-unconfirmed",
    "alone: too-long-mempool-chain",
    "package: package RBF failed: insufficient anti-DoS fees",
    "package: min relay fee not met",
    "package: package-not-child-with-unconfirmed-parents",
    "package: taken in place of others",
}


def test_node_and_model_agree_and_every_answer_is_given(relaying_bitcoind: BitcoindChain) -> None:
    tally = run_trials(relaying_bitcoind, 2, TRIALS)
    assert {answer for answer in EXPECTED if not tally.answers[answer]} == set()


def test_feerates_are_compared_in_whole_satoshis_for_1000_virtual_bytes() -> None:
    """2,727 each: 2.72727... and 2.72785... satoshis per virtual byte."""
    assert not has_higher_feerate(Priced(3_819, 1_400), [Priced(300, 110)])
    assert has_higher_feerate(Priced(3_820, 1_400), [Priced(300, 110)])


def test_replacement_may_not_bring_new_parents() -> None:
    assert brings_no_new_parents({"a"}, {"a", "b"})
    assert not brings_no_new_parents({"a", "c"}, {"a", "b"})


def a_satoshi_more(fee: int, size: int) -> bool:
    return fee > size


def without_its_own_relay(new: Priced, conflicting: Any, descendants: Any = ()) -> bool:
    replaced = (*conflicting, *descendants)
    return new.fee > sum(one.fee for one in replaced) and has_higher_feerate(new, conflicting)


def whatever_the_feerate(new: Priced, conflicting: Any, descendants: Any = ()) -> bool:
    return new.fee >= least_replacement_fee(new.size, (*conflicting, *descendants))


def one_relative_more(relatives: int, size: int) -> bool:
    return has_room(min(relatives, MOST_RELATIVES), size) and relatives <= MOST_RELATIVES + 1


def a_satoshi_of_dust(output_size: int) -> int:
    return dust_limit_sat(output_size) - 1


def a_block_early(confirmed: Height, sequence: Blocks, locktime: Height) -> Height:
    first = first_block(confirmed, sequence, locktime)
    return first + Blocks(-1)


def a_block_late(confirmed: Height, sequence: Blocks, locktime: Height) -> Height:
    locked = sequence > Blocks(0) or locktime > Height(0)
    first = first_block(confirmed, sequence, locktime)
    return first + Blocks(1) if locked else first


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("is_relayed", a_satoshi_more),
        ("may_replace", without_its_own_relay),
        ("may_replace", whatever_the_feerate),
        ("brings_no_new_parents", lambda _parents, _others: True),
        ("has_room", one_relative_more),
        ("dust_limit_sat", a_satoshi_of_dust),
        ("first_block", a_block_early),
        ("first_block", a_block_late),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_policy_that_is_wrong_is_caught_with_both_reasons(
    relaying_bitcoind: BitcoindChain, monkeypatch: pytest.MonkeyPatch, place: str, wrong: Callable[..., Any]
) -> None:
    monkeypatch.setattr(pool, place, wrong)
    with pytest.raises(Disagreement) as found:
        run_trials(relaying_bitcoind, 2, MOST_TRIALS)
    assert found.value.model != found.value.reality
    relaying_bitcoind.mine()

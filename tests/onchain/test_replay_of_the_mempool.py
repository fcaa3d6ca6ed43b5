"""Fees, bumps, pins and replacements of the model as real transactions, judged by consensus."""

from __future__ import annotations

from collections import Counter

import pytest

from boltproofs.explorer.search import search
from boltproofs.known_attacks import WITH_FEES
from boltproofs.replay import replay
from boltproofs.replay.arbiter import making, purse
from boltproofs.replay.arbiter.purse import Fare, paid, virtual_size
from boltproofs.replay.scale import Task, run_task
from boltspec.chain import mempool
from boltspec.chain.bidding import coin
from boltspec.chain.presets import MEMPOOL
from boltwire.scripts import p2wpkh, p2wpkh_script_code
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import Spend, sign_spends
from boltwire.transaction import Outpoint, Transaction, TxInput, TxOutput

RUNS = 12
KEY = PrivateKey(bytes(31) + b"\1")
PUBKEY = KEY.public_key.encoded
COIN = Spend(Outpoint(bytes(32), 0), 50_000, p2wpkh_script_code(PUBKEY), KEY, (PUBKEY,))


def spend_of_the_coin(change: tuple[TxOutput, ...]) -> Transaction:
    return sign_spends(Transaction((TxInput(COIN.outpoint, COIN.sequence),), change, 0), [COIN])


def fare(feerate: int, times_as_heavy: int = 1) -> Fare:
    return Fare(coin(0, 0), COIN, p2wpkh(PUBKEY), feerate, times_as_heavy)


def outcome_of(name: str, seed: int = 7) -> tuple[list[str], Counter[str]]:
    outcome = run_task(Task(name, seed, 0, RUNS))
    return [one.report for one in outcome.disagreed], outcome.covered


def test_sampled_runs_agree_and_everything_is_paid_for_and_replaced() -> None:
    covered: Counter[str] = Counter()
    for scenario in MEMPOOL:
        reports, counted = outcome_of(scenario.name)
        assert not reports, reports[0]
        covered.update(counted)
    for form in ("commitment", "second_stage", "claim"):
        assert covered[f"paid for {form}"], form
    assert covered["submitted, replacing 0"]
    assert covered["submitted, replacing 1"]


@pytest.mark.parametrize("attack", WITH_FEES[:6], ids=lambda attack: attack.name)
def test_attacks_by_fees_are_replayed(attack: object) -> None:
    """The run that the search finds without the rule, transaction by transaction: the loss is a real one."""
    trace = search(attack.scenario, without=attack.without, asked={attack.property}).trace  # type: ignore[attr-defined]
    assert trace is not None
    result = replay(trace, probing=True)
    assert result.agreed, result.report


def test_a_model_in_which_nothing_conflicts_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the claim and the timeout are in its mempool; a block can hold one of them."""
    monkeypatch.setattr(mempool, "rivals", lambda _pool, _slots: ())
    reports, _ = outcome_of("C3-pinning-B")
    assert any("in the mempool" in report for report in reports)


def test_a_bump_that_the_model_does_not_know_of_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever spends the wrong anchor is refused: it is the peer's."""
    monkeypatch.setattr(making, "own_anchor", lambda model: len(model.outputs) - 1)
    reports, _ = outcome_of("C3-rising-B")
    assert reports


def test_change_that_goes_to_the_channels_wallet_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the wallet has more than the model says."""
    monkeypatch.setattr(purse, "p2wpkh", lambda _key: p2wpkh(PUBKEY))
    monkeypatch.setattr(purse.Purse, "scripts", property(lambda _self: frozenset()))
    reports, _ = outcome_of("C3-rising-B")
    assert reports


@pytest.mark.parametrize("feerate", [1, 2, 25])
def test_a_transaction_pays_its_feerate(feerate: int) -> None:
    transaction = paid(spend_of_the_coin, fare(feerate))
    fee = COIN.amount_sat - sum(output.amount_sat for output in transaction.outputs)
    assert fee == feerate * virtual_size(transaction)


def test_a_child_pays_for_its_parent_too() -> None:
    child = paid(spend_of_the_coin, fare(3), parent_size=200, extra_sat=330)
    fee = COIN.amount_sat + 330 - sum(output.amount_sat for output in child.outputs)
    assert fee == 3 * (virtual_size(child) + 200)


def test_a_pin_is_as_heavy_as_the_model_says() -> None:
    light, heavy = (virtual_size(paid(spend_of_the_coin, fare(1, times))) for times in (1, 3))
    assert 3 * light <= heavy < 3 * light + purse.PADDING_SIZE

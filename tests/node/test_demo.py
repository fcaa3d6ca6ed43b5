"""The demo tells its stories to the end, and does not say that something held that did not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boltnode.channels import paying
from boltnode.channels.record import ReceivedHtlc, Unreadable
from boltnode.demo import stage
from boltnode.demo.command import run_demo
from boltspec.htlc import Htlc
from boltspec.rules import without


def test_demo_holds(run_boltnode: Callable[..., Any]) -> None:
    done = run_boltnode("demo")
    assert done.returncode == 0, done
    assert "refused: Payment failed: incorrect_or_unknown_payment_details" in done.stdout
    assert "and has nothing of them" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("All of it held.")


def test_demo_fails_with_a_node_that_claims_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_htlc: Htlc, entry: ReceivedHtlc, *_: object, **__: object) -> Unreadable:
        assert entry.unreadable is None
        return Unreadable(bytes(32), 0xC005)

    monkeypatch.setattr(paying, "answer", refuse)
    told: list[str] = []
    assert run_demo(told.append) == 1
    assert "could not read the onion" in capsys.readouterr().err
    assert not any("held" in line for line in told)


def test_demo_fails_with_a_node_that_does_not_punish(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage, "PATIENCE_SECONDS", 10)
    with without(frozenset({"B05-revoked-commit-l-03"})):
        assert run_demo(lambda _: None) == 1
    assert "waited in vain until Alice's node has broadcast its claims" in capsys.readouterr().err

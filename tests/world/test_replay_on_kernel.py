"""Traces that a search found, replayed on the embedded chain: thefts punished, thefts that succeed, honest closes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from boltproofs.cli import command
from boltproofs.families import SCENARIOS
from boltproofs.replay import KernelPool, Lockstep, NoBitcoind, ReplayResult, chains, open_chain, replay, replay_moves
from boltproofs.trace import Trace, TraceError
from boltspec.chain.conditions import CONDITIONS, Kind
from boltspec.chain.enforcement import Situation
from boltspec.chain.properties.property import ANCHORS
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld, standing_of
from boltspec.channel import Link
from boltspec.messages import CommitmentSigned
from boltspec.move import Move
from boltspec.world import World

Find = Callable[..., Trace]
Made = Callable[..., ChainScenario]

WATCHING = frozenset({"B05-general-n-01"})
CHECKING_SECRETS = frozenset({"B02-revoke-and-ack-r-01"})


def seat_of(name: str) -> int:
    """Seat of the corrupt party of a scenario."""
    return "AB".index(name[-1])


def agreed(trace: Trace, pool: KernelPool) -> ReplayResult:
    result = replay(trace, pool.chain(), probing=True)
    assert result.agreed, result.report
    assert len(result.steps) == len(trace.moves)
    assert result.probes, "nothing was tried"
    return result


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize("name", ["thief-A", "thief-B"])
def test_revoked_commitment_is_punished(
    kernel: KernelPool, find_trace: Find, made: Made, name: str, option_anchors: bool
) -> None:
    thief = seat_of(name)

    def all_taken(world: ChainWorld) -> bool:
        left = {entry.coin.kind for entry in world.ledger.unspent}
        return left <= set(ANCHORS) and world.ledger.punished[thief]

    wallets = agreed(find_trace(made(name, option_anchors), all_taken), kernel).wallets
    assert wallets[thief] == 0
    assert wallets[1 - thief] > 990_000


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize(
    "taken",
    [
        ("thief-A", Kind.OFFERED_HTLC),
        ("thief-A", Kind.TIMED_OUT_HTLC),
        ("thief-B", Kind.RECEIVED_HTLC),
        ("thief-B", Kind.SUCCEEDED_HTLC),
    ],
    ids=str,
)
def test_htlcs_of_a_revoked_commitment_are_taken_at_either_stage(
    kernel: KernelPool, find_spend: Find, made: Made, taken: tuple[str, Kind], option_anchors: bool
) -> None:
    name, kind = taken
    result = agreed(find_spend(made(name, option_anchors), kind, by_revocation=True), kernel)
    assert result.wallets[seat_of(name)] == 0


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize(
    "kind", [Kind.TO_LOCAL, Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC, Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC]
)
def test_honest_close_pays_every_kind_of_output(
    kernel: KernelPool, find_spend: Find, made: Made, kind: Kind, option_anchors: bool
) -> None:
    assert CONDITIONS[kind]
    result = agreed(find_spend(made("honest", option_anchors), kind, by_revocation=False), kernel)
    assert sum(result.wallets) > 0


def stolen_from(victim: int) -> Callable[[ChainWorld], bool]:
    def stolen(world: ChainWorld) -> bool:
        if world.ledger.closing is None or not world.ledger.received[1 - victim]:
            return False
        return standing_of(world, victim).case is Situation.REVOKED

    return stolen


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize("name", ["thief-A", "thief-B"])
def test_nobody_watching_the_thief_is_paid(
    kernel: KernelPool, find_trace: Find, made: Made, name: str, option_anchors: bool
) -> None:
    goal = stolen_from(1 - seat_of(name))
    result = agreed(find_trace(made(name, option_anchors), goal, WATCHING), kernel)
    assert result.wallets[seat_of(name)] > 0
    assert "without B05-general-n-01" in result.report


@pytest.mark.parametrize("name", ["liar-A", "liar-B"])
def test_wrong_secret_makes_the_penalty_impossible(kernel: KernelPool, find_trace: Find, made: Made, name: str) -> None:
    """What the victim's store yields is tried as a penalty, and the script refuses it: so the thief is paid."""
    victim = 1 - seat_of(name)

    def unpunishable(world: ChainWorld) -> bool:
        return stolen_from(victim)(world) and not standing_of(world, victim).knows_secret

    result = agreed(find_trace(made(name), unpunishable, CHECKING_SECRETS), kernel)
    assert result.covered["tried guessed revocation"]
    assert not result.covered["tried open revocation"]
    assert result.wallets[seat_of(name)] > 0


def test_wrong_secret_is_not_repaired_by_later_right_ones(kernel: KernelPool, find_trace: Find) -> None:
    def gap(world: World) -> bool:
        return world.nodes[0].remote_revocations == 2 and world.nodes[0].remote_secrets == 0

    trace = find_trace(SCENARIOS["liar-B"], gap, CHECKING_SECRETS)
    assert "revoke_and_ack" in [move.detail for move in trace.moves], "a right secret followed"
    assert replay(trace, kernel.chain()).agreed


@pytest.mark.parametrize("option_anchors", [True, False])
def test_trimmed_htlcs_have_no_output(kernel: KernelPool, find_trace: Find, made: Made, option_anchors: bool) -> None:
    def trimmed(world: ChainWorld) -> bool:
        closing = world.ledger.closing
        if closing is None or world.ledger.filled:
            return False
        return len(closing.trimmed) == 1 and not closing.outputs_for

    agreed(find_trace(made("C3-trimmed-B", option_anchors), trimmed), kernel)


@pytest.mark.parametrize(
    ("main", "htlcs", "extra"),
    [(False, True, 0), (True, False, 0), (True, True, 1)],
    ids=["bad signature", "bad htlc signatures", "bad num_htlcs"],
)
def test_bad_commitment_signed_is_rejected_in_reality_too(
    kernel: KernelPool, find_trace: Find, main: bool, htlcs: bool, extra: int
) -> None:
    def on_the_way(world: World) -> bool:
        match world.wires[0]:
            case (CommitmentSigned(signature, num_htlcs, htlc_signatures),):
                facts = (signature.signed is not None, htlc_signatures.signed is not None, num_htlcs)
                return facts == (main, htlcs, 1 + extra)
        return False

    trace = find_trace(SCENARIOS["liar-A"], on_the_way)
    result = replay(replace(trace, moves=(*trace.moves, Move(1, "deliver", "CommitmentSigned"))), kernel.chain())
    assert result.agreed, result.report
    assert result.steps[-1].note == "rejected"


# --- lost connections ---


def resumed_with(action: str) -> Callable[[World], bool]:
    """The connection was lost, all that was lost has been sent again, and an HTLC is in both commitments."""

    def resumed(world: World) -> bool:
        left = {"disconnect": world.disconnections, "crash": world.crashes}[action]
        return left == 0 and all(
            node.link is Link.UP and node.local_revocations == 1 and node.remote_revocations == 1
            for node in world.nodes
        )

    return resumed


@pytest.mark.parametrize(
    ("scenario", "action"), [("resume-a", "disconnect"), ("liar-resume-A", "disconnect"), ("crash-a", "crash")]
)
def test_what_was_lost_with_the_connection_is_signed_again_for_real(
    kernel: KernelPool, find_trace: Find, scenario: str, action: str
) -> None:
    trace = find_trace(SCENARIOS[scenario], resumed_with(action))
    assert action in [move.action for move in trace.moves]
    assert replay(trace, kernel.chain(), probing=True).agreed


def test_a_secret_that_is_received_again_after_a_crash_is_stored_again(kernel: KernelPool, find_trace: Find) -> None:
    """Of what it has received since it last signed or revoked a node that crashes knows nothing."""

    def forgotten(world: World) -> bool:
        return world.crashes == 0 and any(
            node.link is Link.UP and node.remote_revocations < other.local_revocations
            for node, other in (world.nodes, world.nodes[::-1])
        )

    trace = find_trace(SCENARIOS["crash-a"], forgotten)
    assert replay(trace, kernel.chain(), probing=True).agreed


CRASH = (
    Move(0, "send", "update_add_htlc 0"),
    Move(0, "send", "commitment_signed"),
    Move(1, "deliver", "UpdateAddHtlc"),
    Move(1, "deliver", "CommitmentSigned"),
    Move(1, "send", "revoke_and_ack"),
    Move(1, "send", "commitment_signed"),
    Move(0, "deliver", "RevokeAndAck"),
    Move(0, "deliver", "CommitmentSigned"),
    Move(0, "crash", ""),
)


def test_who_crashes_has_neither_the_signature_nor_the_secret_any_more(kernel: KernelPool) -> None:
    trace = Trace(SCENARIOS["crash-a"], frozenset(), CRASH)
    twin = Lockstep(trace.scenario, kernel.chain())
    held = []
    for move, world in zip(trace.moves, trace.worlds()[1:], strict=True):
        twin.step(move, world)
        held.append((len(twin.messages.parties[0].held), twin.messages.parties[0].knows_secret(0)))
    assert held[-2:] == [(2, True), (1, False)]


# --- results ---


def test_result_names_blocks_transactions_and_wallets(kernel: KernelPool, find_spend: Find, made: Made) -> None:
    trace = find_spend(made("thief-B"), Kind.TO_LOCAL, by_revocation=True)
    result = replay_moves(trace.scenario, trace.moves, chain=kernel.chain())
    data = json.loads(json.dumps(result.to_json()))
    assert data["agreed"]
    assert data["disagreement"] is None
    assert [step["action"] for step in data["steps"]] == [move.action for move in trace.moves]
    assert data["wallets_sat"] == {"A": result.wallets[0], "B": 0}
    assert any("transaction" in step["note"] for step in data["steps"])
    assert result.report.splitlines()[-1].startswith(f"agreed after each of {len(trace.moves)} steps")


def test_same_seed_gives_the_same_transactions(find_spend: Find, made: Made) -> None:
    trace = find_spend(made("thief-B"), Kind.TO_LOCAL, by_revocation=True)
    assert replay(trace, "kernel") == replay(trace, "kernel")


def test_the_command_replays_a_trace_of_the_dance_without_a_rule(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    searched = ["explore", "liar-A", "--without", "B02-commitment-signed-r-03", "--workers", "1", "--trace", str(file)]
    assert CliRunner().invoke(command, searched).exit_code == 1
    run = CliRunner().invoke(command, ["replay", "--probing", str(file)])
    assert run.exit_code == 0, run.output
    assert "replay of liar-A without B02-commitment-signed-r-03 on kernel" in run.output


def test_unknown_chain_is_named() -> None:
    with pytest.raises(ValueError, match="no such chain: mainnet; there are kernel, bitcoind"), open_chain("mainnet"):
        pass


def test_missing_bitcoind_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "find_bitcoind", lambda: None)
    with pytest.raises(NoBitcoind, match=r"\$BITCOIND"), open_chain("bitcoind"):
        pass


def test_named_bitcoind_that_is_no_program_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITCOIND", "/nowhere/bitcoind")
    with pytest.raises(NoBitcoind, match="/nowhere/bitcoind"), open_chain("bitcoind"):
        pass


def test_pool_replaces_a_chain_that_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    with KernelPool() as pool:
        first = pool.chain()
        assert pool.chain() is first
        monkeypatch.setattr(chains, "RENEW_AFTER", first.height())
        assert pool.chain() is not first


def test_impossible_move_is_a_trace_error(kernel: KernelPool) -> None:
    with pytest.raises(TraceError, match=r"moves\[0\]"):
        replay_moves(SCENARIOS["C1-A"], [Move(0, "spend", "0 to_local delayed")], chain=kernel.chain())

"""The update dance, walked once: both balances, as both nodes see them, after each message."""

from __future__ import annotations

import pytest

from boltspec.commitment import View, balance
from boltspec.htlc import LOCAL, REMOTE, Stage
from boltspec.messages import UpdateAddHtlc
from boltspec.move import Move
from boltspec.scenario import Scenario, Wish, small_limits, small_params
from boltspec.units import Height, Msat
from boltspec.world import World, initial, take

WALK = Scenario(
    "walk",
    "an HTLC from each side",
    small_params(small_limits()),
    Msat(400_000_000),
    (Wish(0, Msat(50_000_000), 1, Height(6)), Wish(1, Msat(60_000_000), 2, Height(7))),
)

STEPS: list[tuple[int, str, str, tuple[int, int], tuple[int, int]]] = [
    # who, action, detail -> newest commitment of A: (A, B), newest commitment of B: (A, B), in thousands of satoshis
    (0, "send", "update_add_htlc 0", (600, 400), (600, 400)),
    (1, "send", "update_add_htlc 0", (600, 400), (600, 400)),
    (1, "deliver", "UpdateAddHtlc", (600, 400), (600, 400)),
    (0, "deliver", "UpdateAddHtlc", (600, 400), (600, 400)),
    (0, "send", "commitment_signed", (600, 400), (600, 400)),
    (1, "deliver", "CommitmentSigned", (600, 400), (550, 400)),
    (1, "send", "revoke_and_ack", (600, 400), (550, 400)),
    (0, "deliver", "RevokeAndAck", (600, 400), (550, 400)),
    (1, "send", "commitment_signed", (600, 400), (550, 400)),
    (0, "deliver", "CommitmentSigned", (550, 340), (550, 400)),
    (0, "send", "revoke_and_ack", (550, 340), (550, 400)),
    (1, "deliver", "RevokeAndAck", (550, 340), (550, 400)),
    (0, "send", "commitment_signed", (550, 340), (550, 400)),
    (1, "deliver", "CommitmentSigned", (550, 340), (550, 340)),
    (1, "send", "revoke_and_ack", (550, 340), (550, 340)),
    (0, "deliver", "RevokeAndAck", (550, 340), (550, 340)),
    (1, "send", "update_fulfill_htlc 0", (550, 340), (550, 340)),
    (0, "deliver", "UpdateFulfillHtlc", (550, 340), (550, 340)),
    (0, "send", "update_fail_htlc 0", (550, 340), (550, 340)),
    (1, "deliver", "UpdateFailHtlc", (550, 340), (550, 340)),
    (1, "send", "commitment_signed", (550, 340), (550, 340)),
    (0, "deliver", "CommitmentSigned", (550, 390), (550, 340)),
    (0, "send", "revoke_and_ack", (550, 390), (550, 340)),
    (1, "deliver", "RevokeAndAck", (550, 390), (550, 340)),
    (0, "send", "commitment_signed", (550, 390), (550, 340)),
    (1, "deliver", "CommitmentSigned", (550, 390), (550, 450)),
    (1, "send", "revoke_and_ack", (550, 390), (550, 450)),
    (0, "deliver", "RevokeAndAck", (550, 390), (550, 450)),
    (1, "send", "commitment_signed", (550, 390), (550, 450)),
    (0, "deliver", "CommitmentSigned", (550, 450), (550, 450)),
    (0, "send", "revoke_and_ack", (550, 450), (550, 450)),
    (1, "deliver", "RevokeAndAck", (550, 450), (550, 450)),
]


def newest(world: World, party: int) -> tuple[int, int]:
    """Return what a party's newest commitment pays A and B, as the party sees it, in thousands of satoshis."""
    node = world.nodes[party]
    own, others = (int(balance(node, side, View.LOCAL_LATEST)) // 1_000_000 for side in (LOCAL, REMOTE))
    return (own, others) if party == 0 else (others, own)


def test_both_balances_after_each_message() -> None:
    world = initial(WALK)
    for number, (party, action, detail, of_a, of_b) in enumerate(STEPS):
        world = take(world, WALK, Move(party, action, detail))
        assert (newest(world, 0), newest(world, 1)) == (of_a, of_b), f"after step {number}"
    assert not any(node.htlcs.items for node in world.nodes)
    assert [node.local_msat for node in world.nodes] == [Msat(550_000_000), Msat(450_000_000)]
    assert [node.remote_msat for node in world.nodes] == [Msat(450_000_000), Msat(550_000_000)]


def test_one_htlc_passes_all_stages_on_both_sides() -> None:
    """The five states of BOLT 2, Normal Operation, in their order; the recipient is never behind."""
    world, seen = initial(WALK), list[tuple[Stage, ...]]()
    for party, action, detail, *_ in STEPS[:16]:
        world = take(world, WALK, Move(party, action, detail))
        stages = [htlc.added for node, side in zip(world.nodes, (LOCAL, REMOTE), strict=True)
                  for htlc in node.htlcs.items if htlc.offerer is side]
        if len(stages) == 2 and (not seen or seen[-1] != tuple(stages)):
            seen.append(tuple(stages))
    pending, committed, acked = Stage.PENDING, Stage.COMMITTED, Stage.ACKED
    ack_committed, irrevocable = Stage.ACK_COMMITTED, Stage.IRREVOCABLE
    assert seen == [
        (pending, pending),
        (committed, pending),
        (committed, committed),
        (committed, acked),
        (acked, acked),
        (acked, ack_committed),
        (ack_committed, ack_committed),
        (irrevocable, ack_committed),
        (irrevocable, irrevocable),
    ]


def test_a_move_that_is_not_possible_is_an_error() -> None:
    with pytest.raises(ValueError, match="not possible in this state: B deliver UpdateAddHtlc"):
        take(initial(WALK), WALK, Move(1, "deliver", "UpdateAddHtlc"))


def test_messages_arrive_in_the_order_in_which_they_were_sent() -> None:
    world = initial(WALK)
    for move in (Move(0, "send", "update_add_htlc 0"), Move(0, "send", "commitment_signed")):
        world = take(world, WALK, move)
    assert isinstance(world.wires[0][0], UpdateAddHtlc)
    with pytest.raises(ValueError, match="not possible"):
        take(world, WALK, Move(1, "deliver", "CommitmentSigned"))

"""Resumption: what holds when connections are lost, nodes crash or lose data (BOLT 2, Message Retransmission)."""

from __future__ import annotations

from boltspec.channel import Channel, Link
from boltspec.feerates import forget_pending
from boltspec.htlc import Stage
from boltspec.messages import NO_SECRET, ChannelReestablish
from boltspec.properties.property import MoveProperty, OfBoth, Step, StepProperty, WorldProperty
from boltspec.scenario import Scenario
from boltspec.world import World

FORWARD = {(Link.DOWN, True): Link.SENT, (Link.RECEIVED, True): Link.UP,
           (Link.DOWN, False): Link.RECEIVED, (Link.SENT, False): Link.UP}  # fmt: skip
"""``(link, sending) -> link`` after a ``channel_reestablish``: each node's passes once."""


def _resumed_first(step: Step) -> bool:
    if isinstance(step.message, ChannelReestablish):
        return FORWARD.get((step.before.link, step.sending)) is step.after.link
    return step.before.link is Link.UP and not (step.sending and step.before.behind)


def _resumed_where_the_peer_is(step: Step) -> bool:
    message, before, after = step.message, step.before, step.after
    if step.sending or not isinstance(message, ChannelReestablish):
        return True
    number, revocation = message.next_commitment_number, message.next_revocation_number
    if message.your_last_per_commitment_secret != (NO_SECRET if revocation == 0 else revocation - 1):
        return False
    if after.behind and not before.behind:
        return revocation > before.local_revocations
    return (
        number == after.remote_commitment_number + (0 if after.owes_commitment else 1)
        and revocation == after.local_revocations - (1 if after.owes_revocation else 0)
    )


def _forgets_uncommitted(world: World, scenario: Scenario, committed: tuple[bool, bool]) -> bool:
    return all(corrupt or done for corrupt, done in zip(scenario.corrupt, committed, strict=True))


def _all_committed(node: Channel) -> bool:
    """Say whether every update is covered by a signature, or the connection is up."""
    if node.link is Link.UP:
        return True
    if forget_pending(node.feerates) != node.feerates:
        return False
    return node.htlcs.all(lambda htlc: Stage.PENDING not in (htlc.added, htlc.removed))


def _silent_on_chain_when_behind(before: World, after: World, scenario: Scenario) -> bool:
    closing = after.ledger.closing
    if closing is None or before.ledger.closing is not None or scenario.corrupt[closing.owner]:
        return True
    return not before.nodes[closing.owner].behind


def _is_for_honest_nodes(world: World, scenario: Scenario) -> bool:
    """Say whether two honest nodes are to decide how this world ends."""
    return world.ledger.closing is None and not any(scenario.corrupt)


def _resumed_at_last(world: World, scenario: Scenario) -> bool:
    if not _is_for_honest_nodes(world, scenario):
        return True
    if not world.connected:
        return world.failed or not any(node.behind for node in world.nodes)
    return all(
        node.link is Link.UP and not (node.owes_commitment or node.owes_revocation or node.behind)
        for node in world.nodes
    )


def _done_at_last(world: World, scenario: Scenario) -> bool:
    if not (world.connected and _is_for_honest_nodes(world, scenario)):
        return True
    return not any(world.wires) and all(map(_is_done, world.nodes))


def _is_done(node: Channel) -> bool:
    if node.local_commitment_number != node.local_revocations:
        return False
    if node.remote_commitment_number != node.remote_revocations:
        return False
    changing = node.feerates.at(Stage.PENDING).number != node.feerates.at(Stage.IRREVOCABLE).number
    return not changing and not node.htlcs.any(lambda _: True)


RESUMED_FIRST = StepProperty(
    "ResumedFirst",
    "On a connection channel_reestablish passes once each way, and before anything else; a node that is behind sends"
    " nothing else.",
    _resumed_first,
)
RESUMES_AS_PROVED = StepProperty(
    "ResumesAsProved",
    "A channel is resumed where its peer says and proves that it stands: ahead of us, or where we are but for what we"
    " send again.",
    _resumed_where_the_peer_is,
)
UNCOMMITTED_FORGOTTEN = WorldProperty(
    "UncommittedForgotten", "A lost connection leaves no update that no signature covers.",
    OfBoth(_all_committed, _forgets_uncommitted),
)
STALE_STATE_SAFE = MoveProperty(
    "StaleStateSafe", "A node that was shown to be behind never publishes its own commitment.",
    _silent_on_chain_when_behind,
)
RECONNECT_LIVE = WorldProperty(
    "ReconnectLive",
    "Honest nodes that can connect again resume the channel; one that is behind sees to it that the other fails it.",
    _resumed_at_last,
)
HONEST_PROGRESS = WorldProperty(
    "HonestProgress", "Between honest nodes every update becomes irrevocable and every HTLC is settled.", _done_at_last
)

"""The tables, one after the other: what is saved comes back; what contradicts the stored state is a conflict."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest

from boltnode.storage import (
    chain_rows,
    channel_rows,
    commitment_rows,
    event_rows,
    forward_rows,
    node_row,
    peer_rows,
    wallet_rows,
)
from boltnode.storage.channel_rows import ChannelRow
from boltnode.storage.database import Database
from boltnode.storage.errors import Conflict, WrongSchema
from boltnode.storage.forward_rows import ForwardRow
from boltnode.storage.node_row import NodeRow
from boltnode.storage.peer_rows import PeerRow
from boltnode.storage.unit_of_work import UnitOfWork

NODE = NodeRow("regtest", b"s" * 32, 1_700_000_000)
A, B = b"a" * 33, b"b" * 33
CHANNEL = ChannelRow(b"c" * 32, A, 1, False, b"first")

Store = Callable[..., Conflict | None]


@pytest.fixture
def connection(database: Database) -> sqlite3.Connection:
    return database.connection


@pytest.fixture
def store(database: Database) -> Store:
    """``store(function, …)``: call the function with a unit of work and the rest, and commit the unit."""

    def run(function: Callable[..., None], *arguments: object) -> Conflict | None:
        work = UnitOfWork(tentative=True)
        function(work, *arguments)
        (outcome,) = database.stage([work])
        database.commit()
        return outcome

    return run


def test_node_is_who_it_is(store: Store, connection: sqlite3.Connection) -> None:
    assert node_row.load(connection, "regtest") is None
    assert store(node_row.create, NODE) is None
    assert node_row.load(connection, "regtest") == NODE
    assert store(node_row.create, NODE._replace(seed=b"t" * 32)) is not None
    assert node_row.load(connection, "regtest") == NODE


def test_node_does_not_move_to_another_network(store: Store, connection: sqlite3.Connection) -> None:
    store(node_row.create, NODE)
    with pytest.raises(WrongSchema, match="lives on regtest, not on signet"):
        node_row.load(connection, "signet")


def test_seed_is_not_shown() -> None:
    assert "ssss" not in repr(NODE)
    assert "737373" not in repr(NODE)


@pytest.mark.parametrize("size", [31, 33])
def test_seed_of_another_size_is_refused(store: Store, size: int) -> None:
    assert store(node_row.create, NODE._replace(seed=bytes(size))) is not None


def test_peer_keeps_its_address_until_there_is_a_better_one(store: Store, connection: sqlite3.Connection) -> None:
    store(peer_rows.save, PeerRow(B, "127.0.0.1", 9735))
    store(peer_rows.save, PeerRow(A, None, None))
    store(peer_rows.save, PeerRow(B, None, None))
    assert peer_rows.load(connection) == [PeerRow(A, None, None), PeerRow(B, "127.0.0.1", 9735)]
    store(peer_rows.save, PeerRow(B, "localhost", 9736))
    store(peer_rows.forget, A)
    assert peer_rows.load(connection) == [PeerRow(B, "localhost", 9736)]


@pytest.mark.parametrize("port", [0, 65536])
def test_port_out_of_range_is_refused(store: Store, port: int) -> None:
    assert store(peer_rows.save, PeerRow(B, "localhost", port)) is not None


def test_channel_moves_on_from_state_to_state(store: Store, connection: sqlite3.Connection) -> None:
    second = replace(CHANNEL, revision=2, state=b"second")
    assert store(channel_rows.save, CHANNEL) is None
    assert store(channel_rows.save, second) is None
    assert channel_rows.load(connection) == [second]


@pytest.mark.parametrize("revision", [1, 2, 4])
def test_channel_state_that_does_not_follow_the_stored_one_is_a_conflict(
    store: Store, connection: sqlite3.Connection, revision: int
) -> None:
    second = replace(CHANNEL, revision=2, state=b"second")
    store(channel_rows.save, CHANNEL)
    store(channel_rows.save, second)
    assert store(channel_rows.save, replace(CHANNEL, revision=revision, state=b"old")) is not None
    assert channel_rows.load(connection) == [second]


def test_channel_of_another_peer_is_a_conflict(store: Store) -> None:
    store(channel_rows.save, CHANNEL)
    assert store(channel_rows.save, replace(CHANNEL, revision=2, peer=B)) is not None


def test_ended_channels_are_kept_apart(store: Store, connection: sqlite3.Connection) -> None:
    ended = replace(CHANNEL, revision=2, ended=True)
    other = replace(CHANNEL, channel_id=b"d" * 32)
    for row in (CHANNEL, ended, other):
        store(channel_rows.save, row)
    assert channel_rows.load(connection) == [other]
    assert channel_rows.load(connection, ended=True) == [ended]


def test_channel_gets_its_final_id(store: Store, connection: sqlite3.Connection) -> None:
    store(channel_rows.save, CHANNEL)
    assert store(channel_rows.rename, CHANNEL.channel_id, b"f" * 32) is None
    assert store(channel_rows.rename, CHANNEL.channel_id, b"g" * 32) is not None
    assert channel_rows.load(connection) == [replace(CHANNEL, channel_id=b"f" * 32)]


def test_forwards_come_and_go_with_a_channel_that_exists(store: Store, connection: sqlite3.Connection) -> None:
    row = ForwardRow(CHANNEL.channel_id, 5, b"offered")
    assert store(forward_rows.save, row) is not None
    store(channel_rows.save, CHANNEL)
    assert store(forward_rows.save, row) is None
    assert store(forward_rows.save, row._replace(state=b"fulfilled")) is None
    assert forward_rows.load(connection) == [row._replace(state=b"fulfilled")]
    assert store(forward_rows.delete, CHANNEL.channel_id, 5) is None
    assert store(forward_rows.delete, CHANNEL.channel_id, 5) is not None
    assert forward_rows.load(connection) == []


def test_wallet_records_by_kind_and_key(store: Store, connection: sqlite3.Connection) -> None:
    for kind, key, value in (("coin", b"2", b"x"), ("coin", b"1", b"y"), ("index", b"1", b"z"), ("coin", b"2", b"w")):
        assert store(wallet_rows.save, kind, key, value) is None
    assert wallet_rows.load(connection, "coin") == {b"1": b"y", b"2": b"w"}
    assert store(wallet_rows.delete, "coin", b"1") is None
    assert store(wallet_rows.delete, "coin", b"1") is not None
    assert wallet_rows.load(connection, "coin") == {b"2": b"w"}


def test_chain_forgets_what_a_reorganisation_took_and_what_is_long_past(
    store: Store, connection: sqlite3.Connection
) -> None:
    for height in range(400):
        store(chain_rows.connect_block, height, b"%032d" % height)
    assert list(chain_rows.load(connection)) == list(range(100, 400))
    store(chain_rows.connect_block, 390, b"z" * 32)
    assert list(chain_rows.load(connection)) == list(range(100, 391))
    assert chain_rows.load(connection)[390] == b"z" * 32


def test_events_of_a_subject_newest_last(store: Store, connection: sqlite3.Connection) -> None:
    for at, subject in ((1, A), (2, B), (3, A), (4, None)):
        store(event_rows.add, at, "kind", subject, "detail")
    assert [row.at for row in event_rows.load(connection)] == [1, 2, 3, 4]
    assert [row.at for row in event_rows.load(connection, A)] == [1, 3]
    assert [row.at for row in event_rows.load(connection, limit=2)] == [3, 4]


def test_commitments_signed_for_the_peer_are_kept_until_the_channel_is_forgotten(
    store: Store, connection: sqlite3.Connection
) -> None:
    channel, other = b"c" * 32, b"d" * 32
    for owner, number, state in ((channel, 0, b"zero"), (channel, 1, b"one"), (other, 1, b"other")):
        assert store(commitment_rows.save, owner, number, state) is None
    assert commitment_rows.load(connection, channel, 1) == b"one"
    assert commitment_rows.load(connection, channel, 2) is None
    # Signed again after a reconnection it is the same commitment.
    assert store(commitment_rows.save, channel, 1, b"one") is None
    assert store(commitment_rows.forget, channel) is None
    assert commitment_rows.load(connection, channel, 1) is None
    assert commitment_rows.load(connection, other, 1) == b"other"

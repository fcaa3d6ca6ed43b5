"""The tables of a node's file, as the steps by which they came to be.

A step is never changed once it was released: it is what earlier files went through. A new file goes through all of
them. ``user_version`` counts the steps that a file has behind it, ``application_id`` marks it as ours.

Amounts are millisatoshi, times seconds since 1970 UTC, ids and hashes bytes in the order of the BOLTs.
"""

import sqlite3
from collections.abc import Callable
from typing import Final

from boltnode.storage.errors import Corrupt, WrongSchema

APPLICATION_ID: Final = 0x626F6C74
"""``bolt`` in ASCII."""

MIGRATIONS: Final[tuple[str, ...]] = (
    # 1: who we are, whom we know, and the channels. The state of a channel is opaque here (boltnode.state_codec).
    """
    CREATE TABLE node (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        network TEXT NOT NULL,
        seed BLOB NOT NULL CHECK (length(seed) = 32),
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE peers (
        node_id BLOB PRIMARY KEY CHECK (length(node_id) = 33),
        host TEXT,
        port INTEGER CHECK (port BETWEEN 1 AND 65535)
    ) STRICT;
    CREATE TABLE channels (
        channel_id BLOB PRIMARY KEY CHECK (length(channel_id) = 32),
        peer BLOB NOT NULL CHECK (length(peer) = 33),
        revision INTEGER NOT NULL CHECK (revision >= 1),
        ended INTEGER NOT NULL CHECK (ended IN (0, 1)),
        state BLOB NOT NULL
    ) STRICT;
    CREATE INDEX channels_of_peer ON channels (peer);
    """,
    # 2: what we ask for and what we pay. The partial index is the rule that a payment hash is paid at most once.
    """
    CREATE TABLE preimages (
        payment_hash BLOB PRIMARY KEY CHECK (length(payment_hash) = 32),
        preimage BLOB NOT NULL CHECK (length(preimage) = 32)
    ) STRICT;
    CREATE TABLE invoices (
        created_index INTEGER PRIMARY KEY,
        label TEXT NOT NULL UNIQUE,
        payment_hash BLOB NOT NULL UNIQUE REFERENCES preimages,
        payment_secret BLOB NOT NULL CHECK (length(payment_secret) = 32),
        bolt11 TEXT NOT NULL UNIQUE,
        amount_msat INTEGER CHECK (amount_msat > 0),
        description TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        received_msat INTEGER CHECK (received_msat > 0),
        paid_at INTEGER,
        CHECK ((received_msat IS NULL) = (paid_at IS NULL))
    ) STRICT;
    CREATE TABLE payments (
        created_index INTEGER PRIMARY KEY,
        payment_hash BLOB NOT NULL CHECK (length(payment_hash) = 32),
        destination BLOB NOT NULL CHECK (length(destination) = 33),
        amount_msat INTEGER NOT NULL CHECK (amount_msat > 0),
        bolt11 TEXT NOT NULL,
        label TEXT,
        status TEXT NOT NULL CHECK (status IN ('pending', 'complete', 'failed')),
        created_at INTEGER NOT NULL,
        completed_at INTEGER,
        amount_sent_msat INTEGER,
        preimage BLOB CHECK (length(preimage) = 32),
        failure TEXT,
        CHECK ((status = 'pending') = (completed_at IS NULL)),
        CHECK ((status = 'complete') = (preimage IS NOT NULL)),
        CHECK ((status = 'complete') = (amount_sent_msat IS NOT NULL)),
        CHECK ((status = 'failed') = (failure IS NOT NULL))
    ) STRICT;
    CREATE UNIQUE INDEX payments_once ON payments (payment_hash) WHERE status <> 'failed';
    CREATE INDEX payments_by_hash ON payments (payment_hash);
    """,
    # 3: the switch between channels, the wallet, the chain as it was last seen, and what happened.
    """
    CREATE TABLE forwards (
        incoming_channel BLOB NOT NULL REFERENCES channels,
        incoming_htlc_id INTEGER NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (incoming_channel, incoming_htlc_id)
    ) STRICT;
    CREATE TABLE wallet_records (
        kind TEXT NOT NULL,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (kind, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE chain_blocks (
        height INTEGER PRIMARY KEY CHECK (height >= 0),
        block_hash BLOB NOT NULL CHECK (length(block_hash) = 32)
    ) STRICT;
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        subject BLOB,
        detail TEXT NOT NULL
    ) STRICT;
    """,
    # 4: looking up what was found slow.
    """
    CREATE INDEX payments_by_bolt11 ON payments (bolt11);
    CREATE INDEX payments_pending ON payments (created_index) WHERE status = 'pending';
    CREATE INDEX events_by_subject ON events (subject);
    """,
    # 5: what was signed for peers, of which any may come back: rebuilt when it is to be punished.
    """
    CREATE TABLE signed_commitments (
        channel_id BLOB NOT NULL CHECK (length(channel_id) = 32),
        number INTEGER NOT NULL CHECK (number >= 0),
        state BLOB NOT NULL,
        PRIMARY KEY (channel_id, number)
    ) STRICT, WITHOUT ROWID;
    """,
    # 6: what the chain has of each channel (boltnode.onchain).
    """
    CREATE TABLE onchain_notes (
        channel_id BLOB PRIMARY KEY CHECK (length(channel_id) = 32),
        notes BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    # 7: the blocks that an invoice asks for; earlier ones asked for the default.
    """
    ALTER TABLE invoices ADD COLUMN min_final_cltv_expiry_delta INTEGER NOT NULL DEFAULT 18;
    """,
    # 8: why it will not be known whether a pending payment was made.
    """
    ALTER TABLE payments ADD COLUMN doubt TEXT;
    """,
)
"""Step ``n`` leads from version ``n - 1`` to version ``n``."""

VERSION: Final = len(MIGRATIONS)
"""Of the schema that this program works with."""


def version_of(connection: sqlite3.Connection) -> int:
    """How many steps the file has behind it; 0 for an empty one. :class:`Corrupt` if it is not ours."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    is_new = version == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and not is_new:
        raise Corrupt("the file is a database, but not one of this program")
    return version


def migrate(connection: sqlite3.Connection, version: int = VERSION, observe: Callable[[str], object] = str) -> None:
    """Bring the file to ``version``, each step in a transaction of its own.

    A step that is interrupted leaves the file as it was before it. :class:`WrongSchema` for a file from the future.
    ``observe`` is told of each step, before and after it.
    """
    found = version_of(connection)
    if found > VERSION:
        raise WrongSchema(f"the database has version {found}, this program knows up to {VERSION}: use a newer one")
    for step in range(found, version):
        observe("migrating")
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[step]}; PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {step + 1}; COMMIT;"
        )
        observe("migrated")

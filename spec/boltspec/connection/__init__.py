"""Connections (BOLT 1): ``init`` and features, ``error`` and ``warning``, ``ping`` and ``pong``, backups.

Read in this order: :mod:`~boltspec.connection.features` (BOLT 9), :mod:`~boltspec.connection.messages`,
:mod:`~boltspec.connection.state`, then the steps: :mod:`~boltspec.connection.setup` (``init``),
:mod:`~boltspec.connection.control` (all others), with :mod:`~boltspec.connection.addressing` (which channels a message
is about); last the world of two connected nodes, :mod:`~boltspec.connection.world`, and what must hold in it,
:mod:`~boltspec.connection.properties`. Apart from these, :mod:`~boltspec.connection.single` says which
of two connections is kept.

A channel is here no more than an id and whether it has been failed. Messages of channels are alike: what matters is
which channel they name.
"""

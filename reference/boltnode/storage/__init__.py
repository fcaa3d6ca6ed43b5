"""What a node must not forget: one SQLite file, and the rule that nothing leaves before it is durable.

A step of the node is a :class:`~boltnode.storage.unit_of_work.UnitOfWork`: its changes, and what may be done once these
are on disk (send these bytes, broadcast this transaction). :class:`~boltnode.storage.group_commit.GroupCommit` makes
all units that wait durable with one fsync, and only then lets their effects go, in order. If the disk fails, nothing
leaves any more and :class:`~boltnode.storage.latch.SigningLatch` stops everything that signs.

Read on: :mod:`.schema` (the tables), :mod:`.database` (the file), :mod:`.unit_of_work`, :mod:`.group_commit`,
:mod:`.latch`, :mod:`.folder_lock`; then the modules of the tables.
"""

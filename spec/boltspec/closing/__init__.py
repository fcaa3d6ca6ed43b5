"""Cooperative close (BOLT 2, Channel Close; BOLT 3, Closing Transactions), from ``shutdown`` to the signed transaction.

Read in this order: :mod:`~boltspec.closing.scripts` (what an output script is here),
:mod:`~boltspec.closing.transaction`, :mod:`~boltspec.closing.messages`, :mod:`~boltspec.closing.state`, then the steps:
:mod:`~boltspec.closing.shutdown`, :mod:`~boltspec.closing.legacy` (``closing_signed``) and
:mod:`~boltspec.closing.simple` (``closing_complete``, ``closing_sig``); last the world of two closing nodes,
:mod:`~boltspec.closing.world`, and what must hold in it, :mod:`~boltspec.closing.properties`.
"""

"""Channel establishment v1: from ``open_channel`` to the first state of a channel (BOLT 2, Channel Establishment v1).

Read :mod:`~boltspec.establishment.messages` and :mod:`~boltspec.establishment.state` first, then the steps of the
:mod:`~boltspec.establishment.opener`, of the :mod:`~boltspec.establishment.accepter` and of both
(:mod:`~boltspec.establishment.ready`). The world of two nodes and a chain, in which all of it is searched, is in
:mod:`~boltspec.establishment.world`.

A lost connection or a crash at any point is for :mod:`~boltspec.establishment.resume`.

Left out: dual funding, reorganisations of the chain, and announcing the channel.
"""

"""The node: an imperative shell around the specification.

It owns what a specification has no use for: files, sockets, clocks, a command line. No protocol decision is made here;
what the node says to a peer comes out of the steps of :mod:`boltspec`, by way of an engine that the shell drives.

Read :mod:`boltnode.storage` first (what becomes durable when), then :mod:`boltnode.peers` and :mod:`boltnode.rpc`, and
last :mod:`boltnode.node`, which puts them together. :mod:`boltnode.engine` says what an engine has to offer.
"""

"""The node: an imperative shell around the specification.

It owns what a specification has no use for: files, sockets, clocks, a command line. No protocol decision is made here;
what the node says to a peer comes out of the steps of :mod:`boltspec`, by way of an engine that the shell drives.

Read :mod:`boltnode.storage`: what becomes durable when.
"""

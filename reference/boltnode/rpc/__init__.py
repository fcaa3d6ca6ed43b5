"""JSON-RPC 2.0 over a unix socket, as Core Lightning speaks it, so that its clients work here unchanged.

A command is a row in a table: its name, its parameters with their kinds, its summary, its function. Checking of
parameters, the ``help`` command and the manual all come from that row.

Read :mod:`.kinds` and :mod:`.command` first, then :mod:`.framing` and :mod:`.server`; the commands themselves are in
:mod:`.node_commands`, :mod:`.invoice_commands`, :mod:`.peer_commands` and :mod:`.channel_commands`.
"""

"""What a node does from the moment at which something spends a funding output, and before, to be in time (BOLT 5).

The decisions are the specification's (:mod:`boltspec.chain.sight`); here they get real outputs, keys and transactions.
Everything is derived, whenever it is asked for, from the channel's durable record, the confirmed spends and the height:

    record, notes, height --reading--> story --naming--> sight --boltspec--> answer --plans--> transactions
                                                                       \\--facts--> channel and payments

So a node that is killed at any point goes on where it was, and after a reorganisation it concludes what follows from
the new chain. Read on: :mod:`.record` (what is durable), :mod:`.reading` (the chain in the words of the model),
:mod:`.defence` (a step), :mod:`.plans` (transactions that still lack a fee), :mod:`.fees` (what is offered for them),
:mod:`.publishing` (transactions that leave).
"""

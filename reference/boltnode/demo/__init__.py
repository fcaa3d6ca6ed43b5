"""``boltnode demo``: two nodes on a chain of their own, told step by step.

`stage` has the nodes, the chain and the narrator; `together` and its neighbours are the stories.
"""

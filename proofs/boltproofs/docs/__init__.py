"""The generated pages of the documentation: drawn from the specification's own tables, or from running it.

``python -m boltproofs.docs`` writes them to ``docs/generated``; the pages in ``docs`` that people write include them.
Nothing here knows anything about Lightning that is not looked up: where a page says what a rule, an output or a step
does, it says it in the words of the table or docstring that it was made from.

Read :mod:`~boltproofs.docs.pages` first: the list of all pages and what makes each.
"""

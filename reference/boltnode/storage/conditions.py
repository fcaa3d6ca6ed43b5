"""Which rows are meant: those that match everything that is given.

The text holds a condition for what is given and nothing for the rest, so that an index is used where there is one;
one text for all cases, with conditions that are true for NULL, would read the whole table every time.
"""

from boltnode.storage.unit_of_work import Value


def matching(start: int, **columns: Value) -> tuple[str, tuple[Value, ...]]:
    """A condition and its values: index ``start`` or later, and equality for every column that is not None.

    Names of columns come from the program, never from a user.
    """
    given = {name: value for name, value in columns.items() if value is not None}
    return " AND ".join(("created_index >= ?", *(f"{name} = ?" for name in given))), (start, *given.values())

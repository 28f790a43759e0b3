"""Entries of items that are held: all of them and the heads of their items in one statement.

Others wait for these items meanwhile. A statement for each table, as the driver runs them, would
have them wait for each entry, and once more for each head.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Connection, Insert, LargeBinary, String, insert, select, update
from sqlmodel import col

from ...models import EntryRow, Item
from ..arrays import BigIntegers, Bytes, Texts, as_rows
from ..sharing import NewEntry
from ..statements import statement


def store(
    connection: Connection, heads: Mapping[int, int], entries: Sequence[NewEntry], at: int
) -> None:
    """Store entries, and move the heads of their items. Blocks.

    Args:
        connection: in a transaction, which holds these items.
        heads: the seqs of the items' last entries, by key.
        entries: at least one.
        at: since when the items have been idle, in milliseconds since the epoch.
    """
    columns = zip(*entries, strict=True)
    items, seqs, kinds, authors, times, refs, digests, targets, bodies, vias = columns
    _store.run(
        connection,
        BigIntegers(heads),
        BigIntegers(heads.values()),
        at,
        BigIntegers(items),
        BigIntegers(seqs),
        Texts(kinds),
        BigIntegers(authors),
        BigIntegers(times),
        Texts(refs),
        Bytes(digests),
        BigIntegers(targets),
        Bytes(bodies),
        Texts(vias),
    )


@statement
def _store(  # noqa: PLR0917 - an array for each column
    item_keys: BigIntegers,
    heads: BigIntegers,
    active_at: int,
    of_items: BigIntegers,
    seqs: BigIntegers,
    kinds: Texts,
    authors: BigIntegers,
    times: BigIntegers,
    refs: Texts,
    digests: Bytes,
    targets: BigIntegers,
    bodies: Bytes,
    vias: Texts,
) -> Insert:
    number = BigInteger()
    wanted = as_rows(key=(item_keys, number), head=(heads, number))
    moved = (
        update(Item)
        .where(col(Item.key) == wanted.c.key)
        .values({col(Item.head): wanted.c.head, col(Item.active_at): active_at})
        .cte("moved")
    )
    entry = as_rows(
        item_key=(of_items, number),
        seq=(seqs, number),
        kind=(kinds, String()),
        author_key=(authors, number),
        at=(times, number),
        ref=(refs, String()),
        digest=(digests, LargeBinary()),
        target=(targets, number),
        body=(bodies, LargeBinary()),
        via=(vias, String()),
    )
    columns = [column.name for column in entry.c]
    return insert(EntryRow).from_select(columns, select(*entry.c)).add_cte(moved)

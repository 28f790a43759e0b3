"""Compare and swap: messages are stored if items and users are still as they are remembered.

One statement and one round trip, and no lock that outlives it. It locks the rows that it judges by,
and so makes PostgreSQL judge the conditions on their newest versions, whatever its snapshot says.
A join to the memberships would be judged by the snapshot: it is for the versions to say whether
what is remembered of those still stands.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    Select,
    String,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlmodel import col

from ...models import EntryRow, Item, User
from ..arrays import BigIntegers, Bytes, Texts, as_rows
from ..sharing import ItemMove, NewMessage
from ..statements import statement


def swap(
    connection: Connection,
    users: Mapping[int, int],
    items: Sequence[ItemMove],
    messages: Sequence[NewMessage],
    at: int,
) -> set[int]:
    """The items whose messages were stored; of those that are missing nothing was. Blocks.

    Args:
        connection: in no transaction.
        users: the authors' versions of rights, by key. When one has moved, nothing is stored.
        items: each with its versions; one that has moved is left out.
        messages: of these items and authors, in the order of their seqs.
        at: of all of them, in milliseconds since the epoch.
    """
    item_keys, heads, next_heads, rights = zip(*items, strict=True)
    of_items, seqs, authors, refs, digests, bodies, vias = zip(*messages, strict=True)
    rows = _swap.fetch(
        connection,
        BigIntegers(tuple(users)),
        BigIntegers(tuple(users.values())),
        len(users),
        BigIntegers(item_keys),
        BigIntegers(heads),
        BigIntegers(next_heads),
        BigIntegers(rights),
        at,
        BigIntegers(of_items),
        BigIntegers(seqs),
        BigIntegers(authors),
        Texts(refs),
        Bytes(digests),
        Bytes(bodies),
        Texts(vias),
    )
    return {key for (key,) in rows}


@statement
def _swap(  # noqa: PLR0917 - an array for each column
    user_keys: BigIntegers,
    user_rights: BigIntegers,
    user_count: int,
    item_keys: BigIntegers,
    heads: BigIntegers,
    next_heads: BigIntegers,
    item_rights: BigIntegers,
    at: int,
    of_items: BigIntegers,
    seqs: BigIntegers,
    authors: BigIntegers,
    refs: Texts,
    digests: Bytes,
    bodies: Bytes,
    vias: Texts,
) -> Select[int]:
    number = BigInteger()
    author = as_rows(key=(user_keys, number), rights=(user_rights, number))
    standing = (
        select(col(User.key))
        .join(author, author.c.key == col(User.key))
        .where(col(User.rights) == author.c.rights)
        .order_by(col(User.key))
        .with_for_update(read=True, of=User)
        .cte("standing")
        .prefix_with("MATERIALIZED")
    )
    all_stand = select(func.count()).select_from(standing).scalar_subquery() == user_count
    wanted = as_rows(
        key=(item_keys, number),
        head=(heads, number),
        next=(next_heads, number),
        rights=(item_rights, number),
    )
    locked = (
        select(col(Item.key), wanted.c.next)
        .join(wanted, wanted.c.key == col(Item.key))
        .where(
            col(Item.head) == wanted.c.head,
            col(Item.rights) == wanted.c.rights,
            col(Item.deleted_at).is_(None),
            all_stand,
        )
        .order_by(col(Item.key))
        .with_for_update(key_share=True, of=Item)
        .cte("locked")
        .prefix_with("MATERIALIZED")
    )
    moved = (
        update(Item)
        .where(col(Item.key) == locked.c.key)
        .values({col(Item.head): locked.c.next, col(Item.active_at): at})
        .returning(col(Item.key))
        .cte("moved")
    )
    message = as_rows(
        item_key=(of_items, number),
        seq=(seqs, number),
        author_key=(authors, number),
        ref=(refs, String()),
        digest=(digests, LargeBinary()),
        body=(bodies, LargeBinary()),
        via=(vias, String()),
    )
    stored = (
        insert(EntryRow)
        .from_select(
            ["item_key", "seq", "kind", "author_key", "at", "ref", "digest", "body", "via"],
            select(
                message.c.item_key,
                message.c.seq,
                literal("message"),
                message.c.author_key,
                cast(at, BigInteger),
                message.c.ref,
                message.c.digest,
                message.c.body,
                message.c.via,
            ).join(moved, moved.c.key == message.c.item_key),
        )
        .cte("stored")
    )
    return select(moved.c.key).add_cte(stored)

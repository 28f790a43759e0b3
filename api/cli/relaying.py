"""`itemroom relay`: sends what an application's own transactions have left in its outbox."""

from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import Token, TokenFile, Url

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from itemroom import Client

DatabaseUrl = Annotated[
    str,
    typer.Option(
        envvar="ITEMROOM_OUTBOX_URL",
        help="Of the application's database, as SQLAlchemy has it.",
        show_default=False,
    ),
]


def relay(
    *,
    database_url: DatabaseUrl,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
    once: Annotated[bool, typer.Option("--once", help="End when nothing waits.")] = False,
) -> None:
    """Send the messages that transactions of an application have left in its outbox.

    Each is published once, whatever ends this or the server in between; each item's in order.
    """
    from itemroom import Client

    from .connecting import local_server, token_of
    from .running import run

    engine = open_outbox(database_url)
    try:
        with Client(url or local_server(), token=token_of(token, token_file)) as client:
            run(send(engine, client, once=once))
    finally:
        engine.dispose()


def open_outbox(database_url: str) -> "Engine":
    """The engine of an application's database.

    Raises:
        Failure: it cannot be used, or has no outbox.
    """
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from itemroom.outbox import Outgoing

    from .failures import Failure, on_one_line

    try:
        engine = create_engine(database_url, hide_parameters=True)
        has_table = inspect(engine).has_table(Outgoing.__tablename__)
    except DBAPIError as error:
        # The driver's own text: that of SQLAlchemy has the statement.
        raise Failure(f"The outbox cannot be read: {on_one_line(error.orig)}.") from error
    except (ArgumentError, ImportError) as error:
        # Not its text, which may have the URL's password.
        sentence = f"The outbox's database is none of SQLAlchemy's: {type(error).__name__}."
        raise Failure(sentence) from error
    if not has_table:
        raise Failure(f"The database has no table {Outgoing.__tablename__}: itemroom.outbox has.")
    return engine


async def send(engine: "Engine", client: "Client", *, once: bool) -> None:
    """Send what waits, for ever or until nothing does.

    Raises:
        Failure: the server takes nothing, and it was to be done once.
    """
    from itemroom import Refused
    from itemroom.relay import Relay

    from .connecting import failure_of

    sender = Relay(engine, client)
    if not once:
        await sender.run()
    try:
        while await sender.send():
            pass
    except Refused as refused:
        raise failure_of(refused) from refused

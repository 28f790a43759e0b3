"""`itemroom serve` and `itemroom migrate`."""

from typing import Annotated

import typer

from api.cli.failures import Failure, load_settings, read_settings


def serve(
    host: Annotated[str | None, typer.Option(help="ITEMROOM_HOST.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="ITEMROOM_PORT; 0 finds a free one.")] = None,
    workers: Annotated[int, typer.Option(envvar="WEB_CONCURRENCY", hidden=True)] = 1,
) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends at once."""
    if workers > 1:
        raise Failure(
            f"{workers} workers were asked for, and one process is all that can write to the "
            "database: leave --workers and WEB_CONCURRENCY unset."
        )
    from api.http.logs import configure
    from api.wire.server import serve as run_server

    settings = read_settings(host=host, port=port)  # Unread variables are named in the log.
    run_server(settings, configure(settings))


def migrate() -> None:
    """Bring the database's schema up to date; `serve` does so by itself."""
    from api.store import schema
    from api.store.store import store_of

    store = store_of(load_settings())
    store.open()
    try:
        schema.migrate(store.engine)
        typer.echo(f"{store.place} is at revision {schema.current_revision(store.engine)}")
    finally:
        store.close()

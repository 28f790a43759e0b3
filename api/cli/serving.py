"""`itemroom serve` and `itemroom migrate`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import Failure, change_settings, load_settings, read_settings

if TYPE_CHECKING:
    from ..settings import Settings
    from ..wire.hosts import Host


def serve(
    app: Annotated[
        str | None,
        typer.Argument(
            metavar="[APP]",
            help="An application that has Itemroom mounted, as module:name. Without it Itemroom.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="ITEMROOM_HOST.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="ITEMROOM_PORT; 0 finds a free one.")] = None,
    *,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=256,
            envvar="WEB_CONCURRENCY",
            help="Processes, on a database that they share.",
        ),
    ] = 1,
    worker_ports: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_279,
            show_default=False,
            help="The first of the ports of 127.0.0.1 where each worker answers by itself.",
        ),
    ] = None,
    worker: Annotated[int | None, typer.Option(hidden=True)] = None,
    link: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends at once."""
    served = None if app is None else _load(app)
    if served is None:
        settings = read_settings(host=host, port=port)  # Unread variables are named in the log.
    else:
        settings = change_settings(served.rooms.settings, host=host, port=port)
    if workers > 1:
        serve_by_workers(settings, workers, worker_ports, app)
        return
    from ..http.logs import configure
    from ..wire.link import Link
    from ..wire.server import serve as run_server

    run_server(
        settings,
        configure(settings, worker),
        link=None if link is None else Link(link),
        own_port=worker_ports,
        host=served,
    )


def _load(app: str) -> "Host":
    from ..wire.hosts import load_host

    return load_host(app)


def serve_by_workers(
    settings: "Settings", count: int, first_port: int | None, app: str | None = None
) -> None:
    """Start workers, and see to them until SIGTERM or SIGINT.

    Raises:
        Failure: the database is one server's alone.
        typer.Exit: with the exit code of a worker that could not begin.
    """
    if settings.is_in_file:
        raise Failure(
            f"{count} workers were asked for, and one process is all that can write to a database "
            "in a file: leave --workers and WEB_CONCURRENCY unset, or move to a database server."
        )
    from logging.config import dictConfig
    from socket import gethostname

    from ..http.logs import configure
    from ..wire.workers import Workers, environment_of, reserve

    dictConfig(configure(settings))
    with reserve(settings.host, settings.port) as reserved:
        port = reserved.getsockname()[1]
        name = settings.node_name or gethostname()
        code = Workers(
            [_command(app, settings.host, port, number, first_port) for number in range(count)],
            [environment_of(number, name) for number in range(count)],
        ).run()
    if code:
        raise typer.Exit(code)


def _command(
    app: str | None, host: str, port: int, number: int, first_port: int | None
) -> list[str]:
    program = [sys.executable, "-m", __package__.partition(".")[0], "serve"]
    program += [] if app is None else [app]
    own = [] if first_port is None else ["--worker-ports", str(first_port + number)]
    place = ["--host", host, "--port", str(port)]
    return [*program, *place, "--workers", "1", "--worker", str(number), "--link", "{link}", *own]


def migrate() -> None:
    """Bring the database's schema up to date; `serve` does so by itself."""
    from ..store import schema
    from ..store.store import store_of

    store = store_of(load_settings())
    store.open()
    try:
        schema.migrate(store.engine)
        typer.echo(f"{store.place} is at revision {schema.current_revision(store.engine)}")
    finally:
        store.close()

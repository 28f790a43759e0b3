import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api.accounts.cookies import SessionCookie
from api.accounts.dependencies import Shown, identify_shown, shown_credential
from api.errors import Refusal
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import Visitor, bearer, problem_of

pytestmark = pytest.mark.anyio


def connection_of(
    *headers: tuple[str, str], kind: str = "websocket", subprotocols: tuple[str, ...] = ()
) -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": kind, "headers": raw, "method": "GET", "path": "/", "scheme": "ws"}
    return HTTPConnection(scope | {"subprotocols": list(subprotocols), "query_string": b""})


async def show(*subprotocols: str, token: list[str] | None = None) -> Shown:
    return await shown_credential(connection_of(subprotocols=subprotocols), token=token)


async def test_bearer_subprotocol_shows_a_token() -> None:
    """A browser's WebSocket can send it where it can send no header."""
    assert await show("itemroom.v1.json", "bearer.abc.def") == Shown(token="abc.def")


async def test_other_subprotocols_show_nothing() -> None:
    """They choose the frames."""
    assert await show("itemroom.v1.json", "bearers") == Shown()


@pytest.mark.parametrize(
    ("subprotocols", "token"),
    [(("bearer.a", "bearer.a"), None), (("bearer.a",), ["a"]), ((), ["a", "a"])],
)
async def test_two_tokens_are_ambiguous(
    subprotocols: tuple[str, ...], token: list[str] | None
) -> None:
    """Even if they are the same: whoever sends two does not know what counts."""
    with pytest.raises(Refusal, match="auth_ambiguous"):
        await show(*subprotocols, token=token)


async def test_shown_credential_hides_itself() -> None:
    """A traceback or a log line with it shows no secret."""
    shown = Shown(token="canary", ticket="canary", cookie=SessionCookie("canary"))
    assert "canary" not in repr(shown)


async def test_without_any_credential_one_is_missing(visit: Visit) -> None:
    """401, and how to do better."""
    answer = await visit().me()
    assert problem_of(answer) == (401, "auth_missing")


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "bearer  ", "", "Bearer a b", "Token x", "ä"]
)
async def test_malformed_authorization_never_falls_back_to_the_cookie(
    ada: Visitor, header: str
) -> None:
    """An explicit credential counts, or nothing does."""
    answer = await ada.me(headers={"authorization": header.encode()})
    assert problem_of(answer) == (401, "auth_invalid")


@pytest.mark.parametrize("query", ["token=", "token=x", "token=a.b.c", "ticket=x", "ticket="])
async def test_bad_query_credential_never_falls_back_to_the_cookie(
    ada: Visitor, query: str
) -> None:
    """Likewise; and a ticket is good for a socket alone."""
    assert problem_of(await ada.me(params=query)) == (401, "auth_invalid")


async def test_explicit_token_wins_over_another_user_s_cookie(visit: Visit, ada: Visitor) -> None:
    """Cookie of Ada and token of Bob make Bob."""
    bob = visit()
    await bob.register("bob")
    token = await bob.token("bob")
    assert (await ada.me(headers=bearer(token))).json()["username"] == "bob"
    assert (await ada.me(params={"token": token})).json()["username"] == "bob"
    assert (await ada.me(headers={"authorization": f"bEaReR {token}"})).json()["username"] == "bob"


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("token=a&token=a", []),
        ("token=a&ticket=a", []),
        ("ticket=a&ticket=a", []),
        ("token=a", [("authorization", "Bearer a")]),
        ("", [("authorization", "Bearer a"), ("authorization", "Bearer a")]),
        ("", [("cookie", "itemroom_session=a; itemroom_session=b")]),
        ("", [("cookie", "itemroom_session=a"), ("cookie", " itemroom_session =a")]),
        ("", [("authorization", "Bearer a"), ("cookie", "itemroom_session=a;itemroom_session=b")]),
    ],
)
async def test_doubled_credentials_are_ambiguous(
    visit: Visit, query: str, headers: list[tuple[str, str]]
) -> None:
    """Which of two counts would be an accident of some parser."""
    answer = await visit().me(params=query, headers=headers)
    assert problem_of(answer) == (400, "auth_ambiguous")


async def test_other_cookies_do_not_matter(ada: Visitor) -> None:
    """Names are compared whole."""
    name = "itemroom_session"
    cookie = f"my{name}=x; {name}={ada.cookie}; {name}2=y; junk; Itemroom_session=z"
    visitor_headers = {"cookie": cookie}
    ada.client.cookies.clear()
    assert (await ada.me(headers=visitor_headers)).status_code == 200


@pytest.mark.parametrize("cookie", ["A" * 43, "", "x" * 3000, "\xff"])
async def test_unknown_cookie_is_invalid(visit: Visit, cookie: str) -> None:
    """Random, empty, long or not ASCII: no session has it."""
    headers = {"cookie": f"itemroom_session={cookie}".encode("latin-1")}
    assert problem_of(await visit().me(headers=headers)) == (401, "auth_invalid")


async def test_socket_with_a_cookie_is_not_from_another_sites_page(
    state: State, ada: Visitor
) -> None:
    """The same-origin policy does not cover sockets; a program says nothing of a page."""
    shown = Shown(cookie=SessionCookie(ada.cookie))
    host = ("host", "127.0.0.1")
    for own in ([], [("origin", "http://127.0.0.1")]):
        assert (await identify_shown(state, shown, connection_of(host, *own))).name == "ada"
    for foreign in (("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")):
        with pytest.raises(Refusal, match="origin_denied"):
            await identify_shown(state, shown, connection_of(host, foreign))


async def test_socket_with_a_token_needs_no_origin(state: State, ada: Visitor) -> None:
    """No browser adds a token by itself."""
    shown = Shown(token=await ada.token("ada"))
    assert (await identify_shown(state, shown, connection_of())).name == "ada"


async def test_openapi_tells_how_to_sign_in(app: FastAPI) -> None:
    """The page's Authorize button finds the password flow; nothing secret is a plain parameter."""
    document = app.openapi()
    schemes = document["components"]["securitySchemes"]
    assert schemes["password"]["flows"]["password"]["tokenUrl"] == "auth/token"
    assert schemes["token"]["scheme"] == "bearer"
    assert schemes["cookie"] == {"type": "apiKey", "in": "cookie", "name": "itemroom_session"}
    me = document["paths"]["/auth/me"]["get"]
    assert me["security"] == [{"password": []}, {"token": []}, {"cookie": []}]
    assert "parameters" not in me
    assert "security" not in document["paths"]["/auth/register"]["post"]

"""The host product's own tokens: users and items come into being with the first one."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import Serve
from tests.scenarios.test_presence import first_frame
from tests.security.forge import Sign, forge, hs256
from tests.security.jwks_server import JwksServer
from tests.security.jwks_server import serve as serve_keys
from tests.security.public_keys import ec_jwk, es256
from tests.serving import LiveServer, Person

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
ISSUER, AUDIENCE = "https://shop.example", "rooms"
SECRET = "a secret that the shop and we share 0123456789"

Sell = Callable[..., str]


def shop_token(head: dict[str, object], sign: Sign, subject: str, **changes: object) -> str:
    """A token as a shop makes it, with what it says of its user."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "jti": f"{subject}-{now}"}
    return forge(head, said | {"iat": now, "exp": now + 60} | changes, sign)


@pytest.fixture(params=["secret", "jwks"])
def shop(request: pytest.FixtureRequest, serve: Serve) -> Iterator[tuple[LiveServer, Sell]]:
    """A server that believes a shop, and the shop's way to sign."""
    with ExitStack() as stack:
        settings = {"issuer": ISSUER, "issuer_audience": AUDIENCE}
        if request.param == "secret":
            server = serve(**settings, issuer_secret=SECRET)
            head, sign = {"alg": "HS256", "typ": "JWT"}, hs256(SECRET.encode())
        else:
            keys: JwksServer = stack.enter_context(serve_keys())
            keys.publish(ec_jwk(kid="k1", alg="ES256", use="sig"))
            server = serve(**settings, issuer_jwks_url=keys.url)
            head, sign = {"alg": "ES256", "kid": "k1"}, es256()

        def sell(subject: str, **changes: object) -> str:
            return shop_token(dict(head), sign, subject, **changes)

        yield server, sell


async def test_a_first_token_brings_user_and_item(shop: tuple[LiveServer, Sell]) -> None:
    """Nobody registered, nobody created: the claim grants what it says, and no more."""
    server, sell = shop
    customer = sell("c-17", name="Grace Hopper", items={"order-17": "writer"})
    clerk = sell("clerk", name="A clerk", items={"order-*": "reader"})
    grace = Person(server, "c-17", "", customer)
    other = Person(server, "clerk", "", clerk)
    async with grace.room("order-17") as hers, other.room("order-17") as theirs:
        assert (hers.welcome["you"]["name"], hers.welcome["you"]["role"]) == (
            "Grace Hopper",
            "writer",
        )
        assert theirs.welcome["you"]["role"] == "reader"
        assert (await hers.publish("Where is it?"))["seq"] == 1
        heard = await theirs.get("message")
        assert heard["by"] == {"id": hers.welcome["you"]["id"], "name": "Grace Hopper"}
        assert (await theirs.publish("no"))["code"] == "forbidden"
    assert grace.call("GET", "/items/order-17").json()["role"] == "writer"
    frame = await first_frame(server.room_url("order-18", token=customer))
    assert frame["reason"] == "item_not_found"


async def test_a_later_token_is_the_same_user(shop: tuple[LiveServer, Sell]) -> None:
    """By subject, under the newest name; and a token may renew a connection."""
    server, sell = shop
    first = Person(server, "c", "", sell("c", name="Old", items={"order-1": "writer"}))
    again = Person(server, "c", "", sell("c", name="New", items={"order-1": "admin"}))
    async with first.room("order-1") as talk, again.room("order-1") as later:
        assert later.welcome["you"]["id"] == talk.welcome["you"]["id"]
        assert (later.welcome["you"]["name"], later.welcome["you"]["role"]) == ("New", "admin")
        assert later.welcome["presence"]["count"] == 1
        await talk.send("auth", token=again.token)
        await talk.get("auth")


BAD: dict[str, tuple[dict[str, object], str]] = {
    "expired": ({"iat": 1_000_000_000, "exp": 1_000_000_060}, "auth_expired"),
    "another_audience": ({"aud": "elsewhere"}, "auth_invalid"),
    "another_issuer": ({"iss": "https://evil.example"}, "auth_invalid"),
    "no_subject": ({"sub": ""}, "auth_invalid"),
    "endless": ({"exp": 4_000_000_000}, "auth_invalid"),
    "not_yet": ({"nbf": 4_000_000_000}, "auth_invalid"),
    "no_item": ({"items": {}}, "item_not_found"),
    "unknown_role": ({"items": {"order-1": "owner"}}, "auth_invalid"),
}


@pytest.mark.parametrize(("changes", "reason"), BAD.values(), ids=BAD)
async def test_a_token_that_says_something_wrong_is_refused(
    secret_shop: tuple[LiveServer, Sell], changes: dict[str, object], reason: str
) -> None:
    """Signed with the right key, which is not enough."""
    server, sell = secret_shop
    token = sell("c", **({"items": {"order-1": "writer"}} | changes))
    assert (await first_frame(server.room_url("order-1", token=token)))["reason"] == reason


@pytest.fixture
def secret_shop(serve: Serve) -> tuple[LiveServer, Sell]:
    """A shop with a shared secret."""
    server = serve(issuer=ISSUER, issuer_audience=AUDIENCE, issuer_secret=SECRET)

    def sell(subject: str, **changes: object) -> str:
        head: dict[str, object] = {"alg": "HS256", "typ": "JWT"}
        return shop_token(head, hs256(SECRET.encode()), subject, **changes)

    return server, sell


async def test_a_key_that_is_not_the_issuers_is_refused(
    shop: tuple[LiveServer, Sell],
) -> None:
    """The shop's name, somebody else's signature."""
    server, _ = shop
    forged = shop_token(
        {"alg": "HS256", "typ": "JWT"}, hs256(b"x" * 40), "c", items={"order-1": "admin"}
    )
    assert (await first_frame(server.room_url("order-1", token=forged)))["reason"] == "auth_invalid"

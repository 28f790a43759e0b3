import asyncio
from collections.abc import AsyncIterator

import pytest

import api.asking.product as asking
from api.asking.product import Product
from api.metrics import Metrics
from api.outgoing.posting import Unanswered
from tests.asking.shop import SECRET, is_signed
from tests.outgoing.receiver import Call, answer, receiving

pytestmark = pytest.mark.anyio


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def product(metrics: Metrics) -> AsyncIterator[Product]:
    product = Product(SECRET, metrics)
    yield product
    await product.close()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (answer(200, "{"), "no JSON"),
        (answer(200, "[1]"), "no JSON object"),
        (answer(200, "x" * asking.MAX_ANSWER_BYTES + "x"), "longer than"),
        (answer(302, "", "Location: http://127.0.0.1/\r\n"), "status 302"),
        (answer(404), "status 404"),  # Not among those that mean no here.
        (answer(500), "status 500"),
    ],
)
async def test_answer_that_says_nothing_is_none(
    product: Product, metrics: Metrics, said: bytes, told: str
) -> None:
    """Counted as a failure, with a reason for the log."""

    async def say(call: Call) -> bytes:
        return said

    async with receiving(say) as receiver:
        with pytest.raises(Unanswered, match=told):
            await product.ask("authorize", receiver.url, {}, (403,))
    failed = 'itemroom_product_asked_total{outcome="failed",question="authorize"} 1.0'
    assert failed in metrics.render().decode()


async def test_question_is_signed_and_counted(product: Product, metrics: Metrics) -> None:
    """Each by itself: none is a repetition of another."""
    noes = iter([answer(204), answer(403, {"message": "No."})])

    async def say(call: Call) -> bytes:
        assert is_signed(call)
        return next(noes)

    async with receiving(say) as receiver:
        assert (await product.ask("review", receiver.url, {"a": 1}, (403,))).yes
        said = await product.ask("review", receiver.url, {"a": 1}, (403,))
        assert (said.yes, said.value) == (False, {"message": "No."})
        one, other = receiver.calls
    assert one.json == {"a": 1}
    assert one.headers["webhook-id"] != other.headers["webhook-id"]
    text = metrics.render().decode()
    for outcome in ("yes", "no"):
        counted = f'itemroom_product_asked_total{{outcome="{outcome}",question="review"}} 1.0'
        assert counted in text


async def test_questions_are_bounded(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at once, so many that wait, and none beyond."""
    monkeypatch.setattr(asking, "WAITING", 1)
    held = asyncio.Event()

    async def hold(call: Call) -> bytes:
        await held.wait()
        return answer(204)

    async with receiving(hold) as receiver:
        url = receiver.url
        asked = [
            asyncio.create_task(product.ask("review", url, {}, ()))
            for _ in range(asking.IN_FLIGHT + 1)
        ]
        while len(receiver.calls) < asking.IN_FLIGHT:
            await asyncio.sleep(0.01)
        with pytest.raises(Unanswered, match="Too many questions"):
            await product.ask("review", url, {}, ())
        held.set()
        answers = await asyncio.gather(*asked)
        assert all(said.yes for said in answers)


async def test_turn_that_does_not_come_is_not_waited_for(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a question begins when it is put."""
    monkeypatch.setattr(asking, "TIMEOUT", 0.1)
    monkeypatch.setattr(product, "_turn", asyncio.Semaphore(0))
    with pytest.raises(Unanswered, match=r"No answer within 0\.1 s"):
        await product.ask("review", "http://127.0.0.1:1", {}, ())

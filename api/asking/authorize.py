"""What may somebody do in an item? The product's answer, remembered for as long as it says."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from ..errors import Refusal
from ..outgoing.posting import Unanswered
from ..rights.access import Role, Ruling, clock_ms
from ..security import is_subject
from .product import Product

MIN_TTL, DEFAULT_TTL, MAX_TTL = 3, 60, 300  # Seconds.
NOTICE = 2.5  # Seconds before an answer's end that the product is asked again: longer than it has.
MAX_REMEMBERED = 10_000  # Answers; the oldest goes first.
# 401: nobody that it knows. 403 and 404: somebody, and not there.
NOES = (401, 403, 404)


@dataclass(frozen=True, slots=True)
class Asker:
    """A user of ours, as the product is told of them."""

    id: str
    username: str
    name: str


@dataclass(frozen=True, slots=True)
class Question:
    """Of whom and what the product is asked: equal ones have one answer."""

    item: str
    user: Asker | None = None
    cookies: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def says_who(self) -> bool:
        """Whether there is anything in it by which somebody can be known."""
        return bool(self.user or self.cookies or self.headers)

    @property
    def public(self) -> dict[str, object]:
        """As it is sent."""
        user = None if self.user is None else asdict(self.user)
        told = {"cookies": dict(self.cookies), "headers": dict(self.headers)}
        return {"item": self.item, **({"user": user} if user else told)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the product has said."""

    subject: str
    """Its own id of the user; empty when it was asked of one of ours."""
    name: str | None
    ruling: Ruling
    disconnects: int | None = None
    """How often the user had been disconnected on purpose by then; None: not looked up yet."""


class _User(BaseModel):
    id: str
    name: Annotated[str | None, Field(min_length=1)] = None


class _Yes(BaseModel):
    user: _User | None = None
    role: Role
    ttl: Annotated[float, Field(ge=0, allow_inf_nan=False)] = DEFAULT_TTL


class Authorize:
    """Asks, once at a time for each question, and remembers. `close()` it at the end.

    Args:
        product: answers.
        url: where.
        cookies: names of those that it is told.
        headers: likewise, in small letters.
        clock: milliseconds since the epoch.
    """

    def __init__(
        self,
        product: Product,
        url: str,
        *,
        cookies: tuple[str, ...],
        headers: tuple[str, ...],
        clock: Callable[[], int] = clock_ms,
    ) -> None:
        self._product = product
        self._url = url
        self._cookies = cookies
        self._headers = headers
        self._clock = clock
        self._answers: dict[Question, Answer] = {}
        self._asking: dict[Question, asyncio.Task[Answer]] = {}

    def question(
        self, item: str, cookies: Mapping[str, str], headers: Mapping[str, str]
    ) -> Question:
        """Of somebody who shows nothing of ours."""
        return Question(
            item,
            cookies=tuple((name, cookies[name]) for name in self._cookies if name in cookies),
            headers=tuple((name, headers[name]) for name in self._headers if name in headers),
        )

    def remembered(self, question: Question) -> Answer | None:
        """The answer that still counts, if there is one."""
        answer = self._answers.get(question)
        if answer is None or self._clock() < answer.ruling.until:
            return answer
        del self._answers[question]
        return None

    def remember(self, question: Question, answer: Answer, disconnects: int) -> None:
        """Until its end, or until the user is disconnected on purpose."""
        self._answers.pop(question, None)
        if len(self._answers) >= MAX_REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = replace(answer, disconnects=disconnects)

    async def ask(self, question: Question) -> Answer:
        """What the product says now. Cancelling is safe: others may wait for the same answer.

        Raises:
            Refusal: `auth_missing` or `item_not_found` when it says no, `authorize_unavailable`
                when it does not say.
        """
        task = self._asking.get(question)
        if task is None:
            task = asyncio.create_task(self._ask(question), name="ask the product")
            self._asking[question] = task
            task.add_done_callback(partial(self._asked, question))
        await asyncio.wait({task})
        return task.result()

    async def close(self) -> None:
        """Ask nothing more."""
        tasks = set(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _asked(self, question: Question, task: asyncio.Task[Answer]) -> None:
        del self._asking[question]
        if not task.cancelled():
            task.exception()  # Seen, also when all who waited for it have gone.

    async def _ask(self, question: Question) -> Answer:
        try:
            said = await self._product.ask("authorize", self._url, question.public, NOES)
            if said.yes:
                return self._read(question, _Yes.model_validate(said.value))
        except (Unanswered, ValidationError) as error:
            raise Refusal("authorize_unavailable", retry_after=1) from error
        raise Refusal("auth_missing" if said.status == 401 else "item_not_found")

    def _read(self, question: Question, yes: _Yes) -> Answer:
        ttl = min(max(yes.ttl, MIN_TTL), MAX_TTL)
        ruling = Ruling(question.item, yes.role, self._clock() + round(ttl * 1000))
        if question.user is not None:
            # Who it is of is known, whatever the answer says.
            return Answer("", None, ruling)
        user = yes.user
        # A name is bounded as an id is.
        if user is None or not is_subject(user.id) or not is_subject(user.name or user.id):
            raise Unanswered("The answer does not say who it is.")
        return Answer(user.id, user.name, ruling)

"""What is wrong with a body or a parameter is named, and never quoted."""

from typing import Annotated, Any, Literal
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI, Path, Query
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

pytestmark = pytest.mark.anyio


class Inner(BaseModel):
    """A part of a body."""

    kind: Literal["a", "b"]


class Body(BaseModel):
    """A body with one of each kind of mistake to make."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(max_length=5, pattern="^[a-z]+$")]
    count: Annotated[int, Field(ge=0, le=9)] = 0
    roles: dict[str, Literal["reader"]] = {}
    inner: list[Inner] = []
    choice: Annotated[Inner | int, Field()] = 1
    uuid: UUID | None = None

    @field_validator("name")
    @classmethod
    def _check(cls, value: str) -> str:
        if value == "admin":
            raise ValueError("this name is kept")
        return value


@pytest.fixture
def strict(app: FastAPI) -> None:
    """Adds a call that takes `Body`."""

    @app.post("/strict/{item_id}/{seq}")
    async def call(
        item_id: Annotated[str, Path(pattern="^[a-z]+$")],
        seq: Annotated[int, Path(le=99)],
        body: Body,
        limit: Annotated[int, Query(le=9)] = 1,
    ) -> None:
        """Takes everything."""


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "errors"),
    [
        (
            "/strict/a/1",
            b'{"name": "toolong"}',
            422,
            "bad_request",
            [{"loc": ["body", "name"], "problem": "String should have at most 5 characters"}],
        ),
        (
            "/strict/a/1",
            b'{"name": "admin"}',
            422,
            "bad_request",
            [{"loc": ["body", "name"], "problem": "this name is kept"}],
        ),
        (
            "/strict/a/1",
            b'{"name": "a", "hunter2": 1}',
            422,
            "bad_request",
            [{"loc": ["body"], "problem": "Extra inputs are not permitted"}],
        ),
        (
            "/strict/a/1",
            b'{"name": "a", "roles": {"hunter2": 1}}',
            422,
            "bad_request",
            [{"loc": ["body", "roles"], "problem": "Input should be 'reader'"}],
        ),
        (
            "/strict/a/1",
            b'{"name": "a", "uuid": "hunter2"}',
            422,
            "bad_request",
            [{"loc": ["body", "uuid"], "problem": "This value is not allowed."}],
        ),
        (
            "/strict/a/1",
            b'{"name": ',
            400,
            "malformed",
            [{"loc": ["body", 9], "problem": "JSON decode error"}],
        ),
        (
            "/strict/a/1?limit=77",
            b'{"name": "a"}',
            400,
            "malformed",
            [
                {
                    "loc": ["query", "limit"],
                    "problem": "Input should be less than or equal to 9",
                }
            ],
        ),
        ("/strict/HUNTER2/1", b'{"name": "a"}', 404, "item_not_found", None),
        ("/strict/a/100", b'{"name": 1}', 404, "not_found", None),
    ],
)
@pytest.mark.usefixtures("strict")
async def test_value_that_is_not_allowed_is_named_but_not_quoted(
    client: httpx2.AsyncClient,
    *,
    path: str,
    body: bytes,
    status: int,
    code: str,
    errors: list[dict[str, Any]] | None,
) -> None:
    """What was wrong and where; a path that can name nothing is like one that names nothing."""
    response = await client.post(path, content=body, headers={"content-type": "application/json"})
    document = response.json()
    assert (response.status_code, document["code"]) == (status, code)
    assert document.get("errors") == errors
    assert "hunter2" not in response.text.lower()


@pytest.mark.usefixtures("strict")
async def test_thousands_of_mistakes_are_listed_up_to_ten(client: httpx2.AsyncClient) -> None:
    """The answer does not grow with the input."""
    response = await client.post("/strict/a/1", json={"name": "a", "inner": [1] * 1000})
    assert len(response.json()["errors"]) == 10


canary = "zq7canary"
scalars = st.sampled_from([canary, f"x{canary}", 7, None, True, 1.5])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars.map(str), inner),
    max_leaves=8,
)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.fixed_dictionaries(
        {},
        optional={
            "name": values,
            "count": values,
            "roles": values,
            "inner": values,
            "choice": values,
            "uuid": values,
            canary: values,
        },
    )
    | values
)
@pytest.mark.usefixtures("strict")
async def test_no_answer_ever_echoes_the_input(client: httpx2.AsyncClient, body: object) -> None:
    """Whatever is wrong with a body, nothing of it comes back."""
    response = await client.post(f"/strict/a/1?limit={canary}", json=body)
    assert response.status_code in {400, 422}
    assert canary not in response.text
    assert canary not in str(response.headers)

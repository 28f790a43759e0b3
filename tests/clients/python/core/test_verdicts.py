import pytest

from itemroom.core import verdicts


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1009])
def test_close_for_a_mistake_is_final(code: int) -> None:
    """The same would happen again."""
    refused = verdicts.closed(code)
    assert (refused.code, refused.retry, refused.close_code) == (f"close_{code}", "never", code)


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1008, 1011, 1012, 4000])
def test_other_close_is_a_lost_connection(code: int) -> None:
    """A server that knows better says `closing` first."""
    assert verdicts.closed(code).retry == "later"


def test_end_without_a_close_is_a_lost_connection() -> None:
    """What a network does."""
    refused = verdicts.closed(None)
    assert (refused.code, refused.retry, refused.close_code) == ("lost", "later", None)


@pytest.mark.parametrize(
    ("status", "body", "code", "retry"),
    [
        (400, b'{"code": "malformed", "detail": "No."}', "malformed", "never"),
        (429, b'{"code": "rate_limited"}', "rate_limited", "later"),
        (503, b"<h1>Bad Gateway</h1>", "http_503", "later"),
        (404, b"[]", "http_404", "never"),
        (403, b'{"code": 5}', "http_403", "never"),
        (401, b'{"code": "auth_expired"}', "auth_expired", "after_auth"),
        (401, b'{"code": "auth_revoked"}', "auth_revoked", "never"),
    ],
)
def test_denied_handshake_has_the_problems_code(
    status: int, body: bytes, code: str, retry: str
) -> None:
    """Or the status, when something else than Itemroom answered."""
    refused = verdicts.denied(status, {}, body)
    assert (refused.code, refused.retry, refused.status) == (code, retry, status)


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({"Retry-After": "7"}, b"", 7),
        ({"Retry-After": "7"}, b'{"code": "busy", "retry_after": 1.5}', 1.5),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"", None),
        ({"Retry-After": "-1"}, b"", None),
        ({"Retry-After": "inf"}, b"", None),
        ({}, b"", None),
    ],
)
def test_time_to_wait_is_taken_from_problem_or_header(
    headers: dict[str, str], body: bytes, wait: float | None
) -> None:
    """Nonsense and dates are not obeyed."""
    assert verdicts.denied(503, headers, body).retry_after == wait

import base64

import pytest

from api.outgoing.signing import checked_secret, new_secret, signed


def test_signature_is_that_of_the_specification() -> None:
    """Its example: Standard Webhooks 1.0, "Signature scheme"."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    assert signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_new_secret_is_one_and_never_the_same() -> None:
    """32 bytes."""
    assert checked_secret(new_secret()) != checked_secret(new_secret())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "whsec_AAAA",
        "whsec_hunter2!",
        "whsec_äöü",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        base64.b64encode(bytes(32)).decode(),
    ],
)
def test_secret_that_is_weak_or_none_is_refused(text: str) -> None:
    """With what it should be, and without what came."""
    with pytest.raises(ValueError, match="24 to 64 bytes") as caught:
        checked_secret(text)
    assert not text or text not in str(caught.value)

"""The smallest Django that Channels runs in."""

import os

SECRET_KEY = "only for a server on the loopback interface"  # noqa: S105
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["channels"]
ASGI_APPLICATION = "asgi.application"
LOGGING_CONFIG = None
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # Its capacity is 100 messages of a channel; beyond that it drops them without a word.
        "CONFIG": {"hosts": [("127.0.0.1", int(os.environ["REDIS_PORT"]))], "capacity": 10_000},
    }
}

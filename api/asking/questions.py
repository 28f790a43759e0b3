"""Which questions the product is asked, as the settings say."""

from dataclasses import dataclass

from ..history.writer import Writer
from ..metrics import Metrics
from ..settings import Settings
from ..store.readers import Readers
from .authorize import Authorize
from .product import Product
from .review import Review


@dataclass(frozen=True, slots=True)
class Questions:
    """Those who ask; `close()` them at the end. None: nobody asks that."""

    authorize: Authorize | None = None
    review: Review | None = None
    product: Product | None = None

    async def close(self) -> None:
        """What waits for an answer is refused."""
        for asking in (self.review, self.authorize, self.product):
            if asking is not None:
                await asking.close()


def asking(settings: Settings, writer: Writer, readers: Readers, metrics: Metrics) -> Questions:
    """Those who ask what the settings name a URL for."""
    if settings.ask_secret is None:
        return Questions()
    product = Product(settings.ask_secret.get_secret_value(), metrics)
    authorize = review = None
    if settings.authorize_url is not None:
        authorize = Authorize(
            product,
            settings.authorize_url,
            cookies=settings.authorize_cookies,
            headers=settings.authorize_headers,
        )
    if settings.review_url is not None:
        review = Review(writer, readers, product, settings.review_url, settings)
    return Questions(authorize, review, product)

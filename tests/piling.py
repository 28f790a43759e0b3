"""A program that runs another one's `main` so that every commit goes onto the pile.

For tests that kill servers: in these, few items are written to at once.
"""

import sys

from api.__main__ import main
from api.history import pile

if __name__ == "__main__":
    pile.SPREAD, pile.PILE_ENTRIES = 1, 100
    del sys.argv[0]
    main()

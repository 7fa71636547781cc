"""The command `sitting`, with a tap (tests/support/traffic.py) around whatever it serves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> None:
    """As `sitting`, with the same arguments."""
    import sitting.app as house
    import sitting.cli
    from tests.support.traffic import Tap

    make_api, make_app = vars(house)["create_api"], house.create_app
    parts: list[Any] = []

    def create_api(services: Any) -> Any:
        parts.append(services)
        return make_api(services)

    def create_app(config: Any) -> Any:
        return Tap(make_app(config), parts.pop())

    vars(house).update(create_api=create_api, create_app=create_app)
    sys.argv[0] = "sitting"
    sitting.cli.main()


if __name__ == "__main__":
    main()

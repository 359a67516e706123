"""Going on until somebody says to end."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


async def until_told(living: Coroutine[Any, Any, None]) -> None:
    """Go on until Ctrl-C or SIGTERM, neither of which ends a transaction in the middle."""
    life = asyncio.ensure_future(living)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, life.cancel)
    try:
        await life
    except asyncio.CancelledError:
        return

"""Every action of the registry, and every pane, in the palette."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console import actions
from console.pane import panes


class ActionProvider(Provider):
    """Finds actions by title and help."""

    def _all(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        for _, kind in panes():
            run = functools.partial(self._run, f"pane({kind.number})")
            yield f"{kind.number} {kind.title}", (kind.__doc__ or "").splitlines()[0], run
        for action in actions.ACTIONS:
            run = functools.partial(self._run, action.id, action.scope)
            yield f"{action.title} ({action.shown})", action.help, run

    async def _run(self, action: str, scope: str = "app") -> None:
        pane = getattr(self.app, "pane")  # noqa: B009 the App's own attribute
        target = pane.grid() if scope == "list" else None
        await self.app.run_action(action, default_namespace=target or self.app)

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for title, about, run in self._all():
            yield DiscoveryHit(title, run, help=about)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for title, about, run in self._all():
            if (score := matcher.match(f"{title} {about}")) > 0:
                yield Hit(score, matcher.highlight(title), run, help=about)

"""The one registry of actions: bindings, the footer, help, the palette and the read-only check are made from it.

An action's method is `action_<id>` on the app or, with scope `list`, on every list. One that changes something names
the engine call that does it and the command that does the same, so that neither front end can do what the other cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from textual.binding import BindingType

Scope = Literal["app", "list"]
Group = Literal["Change", "Look", "Move", "Go"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something a key does."""

    id: str
    title: str
    keys: str
    """Comma-separated, the one that is shown first."""
    shown: str
    """The first key as people write it."""
    help: str
    group: Group
    scope: Scope = "app"
    mutates: bool = False
    engine_call: str = ""
    """For one that changes something: the dotted name of what does it."""
    cli_twin: str = ""
    """The command that does the same."""
    panes: frozenset[str] = frozenset()
    """The panes it works in, by module name; none means all."""
    footer: int = 0
    """Place in the footer, from 1; 0 keeps it out."""
    priority: bool = False
    """Whether it works even while something is typed."""


ACTIONS: tuple[Action, ...] = (
    Action("roll_back", "roll back", "R", "R", "Put the version and settings that ran before back into production."
           " Shows first what would change and asks for the model's name.", "Change", mutates=True,
           engine_call="engine.registry.Registry.rollback", cli_twin="rollback",
           panes=frozenset({"overview", "registry"}), footer=4),
    Action("tune", "tune", "T", "T", "Search for a better threshold of the model now, as every hour. Shows first what"
           " was found and which gates are closed; only a proved gain is applied.", "Change", mutates=True,
           engine_call="engine.tuning.tune", cli_twin="tune", panes=frozenset({"overview", "tuning", "registry"}),
           footer=5),
    Action("deploy", "deploy", "D", "D", "Put the version under the cursor (Overview: the newest) into production."
           " Shows first what would change.", "Change", mutates=True, engine_call="engine.registry.Registry.deploy",
           cli_twin="deploy", panes=frozenset({"overview", "registry"}), footer=6),
    Action("acknowledge", "acknowledge", "a", "a", "Take the alert on: yours, and not told again for a while. Again:"
           " hand it back. Shows it first.", "Change", mutates=True, engine_call="engine.alerts.acknowledge",
           cli_twin="acknowledge", panes=frozenset({"alerts"}), footer=4),
    Action("silence", "silence", "s", "s", "Tell nobody of the alert for two hours. Again: end that. Shows it first.",
           "Change", mutates=True, engine_call="engine.alerts.silence", cli_twin="silence",
           panes=frozenset({"alerts"}), footer=5),
    Action("label_true", "was right", "t", "t", "Say that the finding under the cursor was right. Shows it first.",
           "Change", mutates=True, engine_call="engine.labels.label", cli_twin="label", panes=frozenset({"findings"}),
           footer=4),
    Action("label_false", "false alarm", "f", "f", "Say that the finding under the cursor was a false alarm. Shows it"
           " first.", "Change", mutates=True, engine_call="engine.labels.label", cli_twin="label",
           panes=frozenset({"findings"}), footer=4),
    Action("fixed", "fixed", "x", "x", "Say that the loops of an N+1 finding are fixed; one that comes back is shown as"
           " regressed. Again: they are not. Shows them first.", "Change", mutates=True,
           engine_call="engine.n1.patterns.mark", cli_twin="patterns", panes=frozenset({"findings"}), footer=5),
    Action("run_job", "run now", "n", "n", "Run the job under the cursor at once, whatever its slot. Shows it first.",
           "Change", mutates=True, engine_call="engine.scheduler_process.scheduler_of", cli_twin="scheduler",
           panes=frozenset({"jobs"}), footer=4),
    Action("hold_job", "pause job", "s", "s", "Run the job under the cursor no more for a day. Again: resume it."
           " Shows it first.", "Change", mutates=True, engine_call="engine.scheduler_process.scheduler_of",
           cli_twin="scheduler", panes=frozenset({"jobs"}), footer=5),
    Action("help", "help", "question_mark,f1", "?", "What every key does.", "Look", footer=1),
    Action("filter", "filter", "slash", "/", "Show only the rows that match a regular expression; ! in front inverts."
           " Esc ends it.", "Look", footer=2),
    Action("open", "open", "enter", "Enter", "The whole row, with every field.", "Look", scope="list", footer=3),
    Action("pause", "pause", "p", "p", "Hold every pane still; landing and judging go on.", "Look", footer=7),
    Action("refresh", "refresh", "f5", "F5", "Read again now.", "Look"),
    Action("zoom", "zoom", "z", "z", "Give the focused part the whole screen, and back.", "Look", footer=11),
    Action("copy", "copy", "y", "y", "Copy the row to the clipboard, also over SSH.", "Look", footer=10),
    Action("palette", "command", "colon,ctrl+p", ":", "Any action or pane by its name.", "Look", footer=8),
    Action("ask", "ask in SQL", "semicolon", ";", "Type a SELECT over lake, ledger and views.", "Look"),
    Action("theme", "theme", "f3", "F3", "The next theme: dark, light, or the terminal's own colours.", "Look"),
    Action("down", "down", "j,down", "j", "One row down.", "Move", scope="list"),
    Action("up", "up", "k,up", "k", "One row up.", "Move", scope="list"),
    Action("page_down", "page down", "pagedown,space", "PgDn", "A page down.", "Move", scope="list"),
    Action("page_up", "page up", "pageup", "PgUp", "A page up.", "Move", scope="list"),
    Action("top", "top", "g,home", "g", "To the first row.", "Move", scope="list"),
    Action("bottom", "bottom", "G,end", "G", "To the last row; Live follows new rows again.", "Move", scope="list",
           footer=9),
    Action("next_mark", "next flagged", "e", "e", "To the next row that is flagged.", "Move", scope="list"),
    Action("previous_mark", "previous flagged", "E", "E", "To the flagged row before.", "Move", scope="list"),
    Action("next_part", "next part", "tab", "Tab", "To the pane's next part.", "Move"),
    Action("previous_part", "previous part", "shift+tab", "S-Tab", "To the pane's part before.", "Move"),
    Action("go_back", "back", "q", "q", "Back: ends the zoom, the filter or the pause, then goes to the first pane;"
           " from there ends the console.", "Go"),
    Action("leave", "leave", "escape", "Esc", "Like q, but never ends the console.", "Go"),
    Action("end", "quit", "ctrl+q", "^q", "End the console, from anywhere.", "Go", priority=True),
    Action("interrupt", "quit at once", "ctrl+c", "^c ^c",
           "Stops a query that runs. Twice within two seconds ends the console.", "Go", priority=True),
    Action("suspend", "suspend", "ctrl+z", "^z", "Back to the shell; fg returns.", "Go", priority=True),
)  # fmt: skip


def by_id(name: str) -> Action:
    """The action of that id. Raises KeyError."""
    return next(a for a in ACTIONS if a.id == name) if any(a.id == name for a in ACTIONS) else _missing(name)


def _missing(name: str) -> Action:
    raise KeyError(f"no action {name!r}")


def bindings(scope: Scope, actions: Sequence[Action] = ACTIONS) -> list[BindingType]:
    """The key bindings of the app or of every list."""
    from textual.binding import Binding

    return [
        Binding(key, action.id, action.title, id=f"{action.id}.{key}", show=False, priority=action.priority)
        for action in actions
        if action.scope == scope
        for key in action.keys.split(",")
    ]


def works_in(action: Action, pane: str) -> bool:
    """Whether the action does something in the pane of that module name."""
    return not action.panes or pane in action.panes


def gives_way(action: Action, pane: str) -> bool:
    """Whether the action's key means another action in the pane of that module name."""
    keys = set(action.keys.split(","))
    return not works_in(action, pane) and any(
        keys & set(other.keys.split(",")) and works_in(other, pane) for other in ACTIONS if other is not action
    )

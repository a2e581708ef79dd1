"""`watchroom config-check`: can what is configured work?"""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Maintenance"


def command(output: OutputOption = Output.table, home: HomeOption = None) -> int:
    """Check the configuration: file, environment, rules, channels, settings of models; ends with 1 on a mistake.

    It needs no home and changes nothing; `watchroom config show` says where each value comes from.

    Example: watchroom config-check --output json
    """
    import os
    from dataclasses import asdict

    from engine.config_check import check
    from storage.home import Home, default_home

    found = check(Home(home or default_home()), os.environ)
    emit([asdict(one) for one in found], output)
    return 1 if any(one.state == "failed" for one in found) else 0

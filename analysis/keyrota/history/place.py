"""Where the history is kept if nobody says where."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from keyrota.errors import ConfigurationError

FILE_NAME: Final = "history.duckdb"


def default_store() -> Path:
    r"""Return the path of the history in the user's data folder, as the system has it.

    Linux and others: ``$XDG_DATA_HOME/keyrota``, else ``~/.local/share/keyrota``; macOS:
    ``~/Library/Application Support/keyrota``; Windows: ``%LOCALAPPDATA%\keyrota``.

    Raises
    ------
    ConfigurationError
        If the user has no home.
    """
    return _data_folder() / "keyrota" / FILE_NAME


def _data_folder() -> Path:
    name = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME"
    given = os.environ.get(name, "")
    if os.path.isabs(given) and sys.platform != "darwin":  # a relative one is to be ignored
        return Path(given)
    try:
        home = Path.home()
    except RuntimeError:
        raise ConfigurationError(
            "there is no home folder to keep the history in; say where: --store FILE"
        ) from None
    if sys.platform == "win32":
        return home / "AppData" / "Local"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    return home / ".local" / "share"

"""What belongs to the source tree and not to the package: sample logs, notebooks, the tests' oracles."""

from __future__ import annotations

from pathlib import Path

from keyrota.display import shown
from keyrota.errors import InputError


def source_file(*parts: str) -> Path | None:
    """Return a file or folder of the source tree that the package is used from.

    Parameters
    ----------
    *parts
        Its path, from the root of the tree.

    Returns
    -------
    Path or None
        ``None`` if the package was installed without its tree, or the tree has no such file.

    Examples
    --------
    >>> source_file("no", "such", "file") is None
    True
    """
    home = Path(__file__).resolve().parents[2]
    path = home.parent.joinpath(*parts)
    is_tree = home.name == "analysis" and (home.parent / "pyproject.toml").is_file()
    return path if is_tree and path.exists() else None


def sample_log(name: str) -> str:
    """Return the path of a sample log, wherever the caller's working directory is.

    Parameters
    ----------
    name
        Of a file in ``sample_logs/``.

    Raises
    ------
    InputError
        If there is no such file here.
    """
    path = source_file("sample_logs", name)
    if path is None:
        raise InputError(
            f"the sample log {shown(name)} is not here: sample logs are a part of the repository, not of the "
            "installed package; name a log of your own"
        )
    return str(path)

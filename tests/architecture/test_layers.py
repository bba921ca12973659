"""The house: who may import whom, what is public, and who owns each danger."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import keyrota

PACKAGE = Path(keyrota.__file__).parent

# A module imports from its own room or from lower rows only. Within a row the order counts too:
# a room imports from those that stand left of it.
ROWS = [
    ["compiling", "display", "opening"],
    ["errors", "streams"],
    ["arguments"],
    ["cluster", "name_columns", "workers"],
    ["events", "pools"],
    ["rotation.policies", "quota.windows", "quota.days", "theory"],
    ["traffic"],
    ["logs", "rotation", "quota", "traffic.fit", "simulation"],
    ["planning", "findings"],
    ["watch"],
    ["report"],
    ["fetch", "history", "watching"],
    ["cli", "whatif", "testing", "__main__"],
]
STRANGERS = [
    ("rotation", "logs"),
    ("simulation", "logs"),
    ("simulation", "rotation"),
    ("planning", "findings"),
    ("traffic.fit", "logs"),
    ("traffic.fit", "simulation"),
    ("cli", "whatif"),
]
"""Rooms of one row that must not know each other."""


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name):
    """The longest entry of ROWS that the module is in, and its row."""
    best = ("", -1)
    for row, rooms in enumerate(ROWS):
        for room in rooms:
            if (name == room or name.startswith(room + ".")) and len(room) > len(best[0]):
                best = (room, row)
    return best


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keyrota"):
            base = node.module.removeprefix("keyrota").lstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                is_module = (PACKAGE / inner.replace(".", "/")).with_suffix(".py").exists() or (
                    PACKAGE / inner.replace(".", "/")
                ).is_dir()
                yield inner if is_module else base
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("keyrota."):
                    yield alias.name.removeprefix("keyrota.")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_downward(path):
    """A module imports from lower rows, or from its own room."""
    name = name_of(path)
    if name == "":  # the public names
        return
    room, row = room_of(name)
    assert row >= 0, f"{name} has no room: add it to ROWS"
    for imported in imports_of(path):
        if imported in ("", "__version__"):
            continue
        other, other_row = room_of(imported)
        assert other == room or other_row < row or (other_row == row and (room, other) not in STRANGERS), (
            f"{name} (row {row}) imports {imported} (row {other_row})"
        )
        assert (room, other) not in STRANGERS


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_modules_are_rooms_not_halls(path):
    """No module has more than 350 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def test_public_names_exist_and_are_all():
    """Every public name can be imported, and `dir` shows exactly these."""
    for name in keyrota.__all__:
        assert getattr(keyrota, name) is not None
    assert dir(keyrota) == sorted(keyrota.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keyrota.nothing


@pytest.mark.parametrize(
    ("danger", "owners"),
    [
        ("print", set()),
        ("eval", set()),
        ("exec", set()),
        ("__import__", set()),
    ],
)
def test_no_module_calls(danger, owners):
    """Nothing prints past the command line's own output, and nothing is evaluated."""
    for path in modules():
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == danger
        ]
        assert not calls or name_of(path) in owners, f"{name_of(path)} calls {danger}"


@pytest.mark.parametrize(
    ("library", "owners"),
    [
        ("simpy", {"simulation.model"}),
        ("numba", {"compiling", "simulation.compiled", "logs.scan.machine", "logs.scan.instructions"}),
        ("joblib", {"workers"}),
        ("distributed", {"cluster", "workers"}),
        ("duckdb", {"history.database"}),
        ("fsspec", {"logs.remote"}),
        ("isal", {"logs.quick_inflate"}),
    ],
)
def test_a_library_has_one_owner(library, owners):
    """What a library is used for can be replaced where it is known, and nowhere else."""
    users = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == library for name in names):
                users.add(name_of(path))
    assert users == owners


def test_only_one_module_writes_files():
    """Files are written by `report.atomic`, or into the temporary file that it gives."""
    writers = {"report.atomic", "events"}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            writes = name in ("write_text", "write_bytes", "to_csv", "to_parquet", "to_json") or (
                name == "open" and any(set(mode) & set("wax+") and len(mode) <= 3 for mode in modes)
            )
            # By their bare names these are report.atomic's.
            own = name in ("write_text", "write_bytes") and isinstance(node.func, ast.Name)
            assert not writes or own or name_of(path) in writers, f"{name_of(path)} writes files with {name}"


def is_of_files(node):
    """Whether a call renames, links or makes files: texts, times, tables and structs have a `replace` too.

    Of these, a text's takes two texts, and the others take names; a path's takes one path.
    """
    if isinstance(node.func, ast.Name):
        called, takes = node.func.id, 2  # of `from os import replace`
    elif isinstance(node.func, ast.Attribute):
        called, takes = node.func.attr, 1
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "os":
            return True
    else:
        return False
    if called not in ("replace", "rename", "renames"):
        return True
    return len(node.args) == takes and not node.keywords


MOVERS = {
    "replace": {"report.atomic", "report.atomic_folder"},
    "rename": set(),
    "renames": set(),
    "move": set(),
    "link": {"report.atomic"},
    "hardlink_to": set(),
    "symlink": set(),
    "symlink_to": set(),
    "umask": {"report.atomic"},
    "mkstemp": {"report.atomic"},
    "mkdtemp": set(),
    "NamedTemporaryFile": set(),
    "TemporaryDirectory": {"report.atomic_folder", "cluster"},
    "rmtree": {"report.atomic_folder"},
}
"""What puts files and folders in a place, or takes them away, and who may: `cluster` gives Dask a folder."""


@pytest.mark.parametrize("name", MOVERS)
def test_files_are_moved_by_their_owners_alone(name):
    """Old or new, never a part and never neither: that is promised in one place, and held there."""
    users = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not is_of_files(node):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if called == name:
                users.add(name_of(path))
    assert users == MOVERS[name]


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("os.replace(a, b)", True),
        ("a.replace(b)", True),
        ("path.rename(b)", True),
        ("os.rename(a, b, src_dir_fd=c)", True),
        ("umask(0)", True),
        ("replace(a, b)", True),
        ("tempfile.TemporaryDirectory(dir=a)", True),
        ("text.replace('a', 'b')", False),
        ("moment.replace(tzinfo=None)", False),
        ("structs.replace(pool, quota=quota)", False),
        ("replace(pool, quota=quota)", False),
        ("frame.rename(columns=names)", False),
    ],
)
def test_what_moves_files_is_told_from_what_does_not(code, seen):
    """The rule of the test above sees a path's calls, and no text's."""
    (call,) = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert is_of_files(call) == seen


def test_help_imports_nothing_heavy():
    """`keyrota --help` waits for click alone."""
    code = (
        "import sys; sys.argv = ['keyrota', '--help']\n"
        "from keyrota.cli.boundary import run\n"
        "run(['--help'])\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'rich', 'pyarrow', 'msgspec', 'zstandard',\n"
        "         'numba', 'simpy', 'joblib'}\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_report_needs_no_slow_library():
    """A report of a small log does not import scipy.stats, which takes longer than all else together."""
    code = (
        "import sys\nfrom keyrota.report.content import judge\nfrom keyrota.events import make_events\n"
        "columns = {'kind': ['pick'] * 2, 'key': [1, 2], 'position': [1, 2], 'size': [2, 2]}\n"
        "judge(make_events({**columns, 'pool': ['CHAT'] * 2}))\n"
        "print([m for m in ('scipy.stats', 'matplotlib', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

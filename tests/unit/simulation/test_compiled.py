"""The compiled engine's own concerns: what its cache depends on, and where it cannot keep one."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import keyrota.simulation.kernel as kernel
from keyrota.simulation.compiled import compiled_sources


def test_the_cache_depends_on_every_module_that_the_kernel_imports():
    """A constant that changes must not leave old machine code behind: constants are compiled in too."""
    known = {module.__name__ for module in compiled_sources()}
    for path in Path(kernel.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keyrota"):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                assert node.module in known or names <= known, f"{path.name} imports {node.module}"


def test_it_runs_where_nothing_can_be_cached(tmp_path):
    """Without a writable folder the kernel is compiled in the process, and the result is there."""
    code = (
        "import numba.core.caching as c\n"
        # As where neither package, home nor cache folder is writable.
        "(getattr(c, 'CacheImpl', None) or c._CacheImpl)._locator_classes = []\n"
        "import numpy as np\n"
        "from keyrota.simulation.compiled import run_compiled\n"
        "from keyrota.simulation.setting import setting_of\n"
        "from keyrota.simulation.simple import simple_scenario\n"
        "s = simple_scenario(keys=1, per_minute=2, rate_per_min=4.0, duration_s=3600.0)\n"
        "print(run_compiled(setting_of(s), np.random.SeedSequence(0)).tally.functions[0, 0])\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert 180 < int(done.stdout) < 300

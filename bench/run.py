"""``python bench/run.py NAME``: prints a table and, last, one JSON line that results.json keeps.

A bench is a module beside this file with ``main() -> dict`` of flat keys: our figure, the peer's in
the same run, and the ratio. Timings drift with the machine's mood; the ratios are what counts.
"""

import importlib
import json
import platform
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"


def names() -> list[str]:
    """Every bench there is."""
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem != "run")


def main() -> None:
    """Runs one bench by name and files its numbers."""
    if len(sys.argv) != 2 or sys.argv[1] not in names():
        sys.exit(f"usage: python bench/run.py {{{','.join(names())}}}")
    name = sys.argv[1]
    sys.path[:0] = [str(HERE.parent), str(HERE)]
    row = importlib.import_module(name).main() | {"machine": machine()}
    line = json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(kept | {name: json.loads(line)}, indent=1) + "\n")
    print(line)


def machine() -> str:
    """The processor and its core count."""
    import os

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = models[0] if models else model
    return f"{os.cpu_count()} × {model}"


if __name__ == "__main__":
    main()

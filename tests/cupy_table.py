"""What cupy has: the names of its modules and classes and the parameters of its functions, recorded as JSON.

``python tests/cupy_table.py`` records the installed cupy anew (no GPU is needed for that).
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

PATH = Path(__file__).parent / "cupy_names.json"
TABLE = json.loads(PATH.read_text()) if PATH.exists() else {}


def parameters_of(function):
    """Return the parameter names of a function, from its signature or first docstring line; None if open."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        match = re.search(r"\((.*?)\)", (function.__doc__ or "").split("\n")[0].replace("\\", ""))
        names = [p.split("=")[0].strip().split(" ")[-1] for p in match.group(1).split(",")] if match else []
        return [n for n in names if n not in ("", "self", "/", "*")] if match else None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return [("*" if p.kind is p.VAR_POSITIONAL else "") + p.name for p in parameters if p.name != "self"]


def record(cupy):
    """Return the table of an imported cupy."""
    sections = {
        "xp": cupy,
        "linalg": cupy.linalg,
        "fft": cupy.fft,
        "stride_tricks": cupy.lib.stride_tricks,
        "ndarray": cupy.ndarray,
        "generator": cupy.random.Generator,
    }
    table = {"version": cupy.__version__}
    for section, owner in sections.items():
        names = {n: getattr(owner, n) for n in sorted(dir(owner)) if not n.startswith("_")}
        table[section] = {
            n: parameters_of(v) if callable(v) and not isinstance(v, type) else None for n, v in names.items()
        }
    return table


if __name__ == "__main__":
    import cupy

    PATH.write_text(re.sub(r"(\[|,)\n {3,}|\n {2}(?=\])", r"\1", json.dumps(record(cupy), indent=1)) + "\n")

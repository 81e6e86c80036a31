"""Modules and functions stay small enough to read in one sitting."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "neurosim").rglob("*.py"))
MODULE_LINES, FUNCTION_LINES = 340, 60


def code_lines(function):
    """Return the lines of a function without its docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= function.body[0].end_lineno - function.body[0].lineno + 1
    return lines


def functions(path):
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_module_is_long():
    assert len(MODULES) > 100
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_long():
    found = {f"{path.relative_to(ROOT)}:{f.name}": code_lines(f) for path in MODULES for f in functions(path)}
    assert len(found) > 500
    assert {name: lines for name, lines in found.items() if lines > FUNCTION_LINES} == {}


def test_no_module_has_a_name_that_says_nothing():
    empty = {"utils", "util", "helpers", "common", "misc", "manager", "tools"}
    assert [path.stem for path in MODULES if path.stem in empty] == []

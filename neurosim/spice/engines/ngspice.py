"""The program ngspice, one process per run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from neurosim.errors import SpiceError
from neurosim.spice.engines.base import missing
from neurosim.spice.engines.rules import check_timeout, failure, judge_messages, judge_plots
from neurosim.spice.engines.text_checks import check_text
from neurosim.spice.rawfile import Plot, read_rawfile

EXECUTABLE = "NEUROSIM_NGSPICE"
"""Environment variable with the path of the program, where it is not the ``ngspice`` on PATH."""


class Ngspice:
    """``ngspice -n -b -r``: no start-up file of the user, no display, a binary rawfile.

    Runs in a temporary folder that is gone afterwards. A ``.control`` block writes ``out.raw`` itself (``write out.raw
    v(a)``) and ends with ``quit 0``; its messages count like any others.
    """

    name = "ngspice"
    how_to_install = "apt-get install ngspice (or your system's package), or set NEUROSIM_NGSPICE to the program"
    parallel = True

    def available(self) -> str | None:
        """Return path and version of the program, or None."""
        program = self._program()
        if program is None:
            return None
        try:
            said = subprocess.run(
                [program, "-v"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20.0
            ).stdout
        except (OSError, subprocess.TimeoutExpired):
            return None
        version = re.search(r"ngspice-(\S+)", said)
        return f"{program} ({version.group(1)})" if version else None

    def run(self, text: str, *, vectors: Sequence[str] = (), timeout: float = 120.0) -> tuple[Plot, ...]:
        """Run `text` in a process of its own. See `Engine.run`."""
        check_text(text)
        check_timeout(timeout)
        program = self._program()
        if program is None:
            chosen = os.environ.get(EXECUTABLE)
            what = f"{EXECUTABLE} = {chosen!r} is not a program" if chosen else "no program 'ngspice' on PATH"
            raise missing(self, what)
        with tempfile.TemporaryDirectory(prefix="neurosim-ngspice-") as folder:
            return self._run_in(Path(folder), program, text, vectors, timeout)

    def _run_in(
        self, folder: Path, program: str, text: str, vectors: Sequence[str], timeout: float
    ) -> tuple[Plot, ...]:
        (folder / "in.cir").write_text(text.rstrip("\n") + "\n", encoding="utf-8")
        environment = {**os.environ, "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
        environment.pop("SPICE_ASCIIRAWFILE", None)
        try:
            # run() kills and reaps the process on a timeout, on an interrupt and on every other exception
            run = subprocess.run(
                [program, "-n", "-b", "-r", "out.raw", "in.cir"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode("utf-8", "replace")
            raise failure(self.name, f"it ran past the timeout of {timeout:g} s and was ended", said) from None
        except OSError as error:
            raise missing(self, f"{program} cannot be started: {error.strerror}") from None
        messages = run.stderr.decode("utf-8", "replace")
        judge_messages(self.name, messages, run.returncode)
        rawfile = folder / "out.raw"
        if not rawfile.exists():
            raise failure(self.name, "it wrote no rawfile", messages)
        try:
            plots = read_rawfile(rawfile.read_bytes())
        except SpiceError as error:
            raise failure(self.name, str(error), messages) from None
        judge_plots(self.name, plots, vectors, messages)
        return plots

    def _program(self) -> str | None:
        found = shutil.which(os.environ.get(EXECUTABLE) or "ngspice")
        return str(Path(found).absolute()) if found else None  # it is started from another folder

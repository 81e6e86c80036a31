"""``neurosim data``: the data sets, where they are, and how to get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neurosim.data import DatasetInfo


def data(
    name: Annotated[str | None, typer.Argument(metavar="NAME", show_default=False, help="A data set.")] = None,
) -> None:
    """List data sets, or fetch and verify one."""
    from neurosim.data import datasets, load
    from neurosim.errors import choose

    known = {info.name: info for info in datasets()}
    if name is None:
        _list(known)
        return
    info = choose(known, name, "neurosim data")

    from neurosim.cli.progress import DownloadDisplay

    with DownloadDisplay() as display:
        found = load(name, progress=display.update)
    typer.echo(f"{info.title}: {info.what}")
    typer.echo(f"{len(found.y_train)} training and {len(found.y_test)} test samples, {found.checked}: {found.source}")
    typer.echo(f"licence: {info.licence}\nplease cite: {info.citation}")


def _list(known: dict[str, DatasetInfo]) -> None:
    from neurosim.cli.sheet import print_table

    rows = [[i.name, i.what, str(sum(i.samples)), f"{i.bytes / 1e6:.3g} MB", i.found or "no"] for i in known.values()]
    print_table(["name", "contents", "samples", "size", "on this machine"], [rows])
    for info in known.values():
        for number, way in enumerate(info.how, start=1):
            typer.echo(f"{f'{info.name}:' if number == 1 else '   '} ({number}) {way}")

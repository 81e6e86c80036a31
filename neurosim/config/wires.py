"""Line resistances: [crossbar.wires] of an experiment, [wires] of a circuit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from neurosim.config.fields import Count, Ohms, Table


class Lines(Table):
    """[wires]: line resistances of every array."""

    r_row: Ohms = Field(default=0.0, description="one segment of a row")
    r_col: Ohms = Field(default=0.0, description="one segment of a column")
    r_source: Ohms = Field(default=0.0, description="in series with each row terminal")
    r_sense: Ohms = Field(default=0.0, description="in series with each column terminal")


class LineResistance(Lines):
    """[crossbar.wires]: line resistances of every array, and how reads in training account for them.

    Solved on the host, also for arrays on a GPU. Evaluation, probes and the settling trace see the lines as they are.
    """

    layout: Literal["separate", "interleaved"] = Field(
        default="separate", description="G+ and G- as two arrays, or as columns in turn of one"
    )
    method: Literal["exact", "dmr", "alpha_beta"] = Field(
        default="exact", description="nodal analysis, or a closed form that is approximate"
    )
    refresh: Count = Field(default=1, description="updates between two solutions of the lines")

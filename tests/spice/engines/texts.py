"""Netlists with known answers."""

DIVIDER = "* divider\nv1 a 0 2\nr1 a b 1000\nr2 b 0 3000\n.op\n.end\n"

TIGHT = ".options method=trap trtol=1 abstol=1e-16 vntol=1e-13 chgtol=1e-24 reltol=1e-10"
TAU = 1e-3
RC_TRAN = f"* RC step\nv1 a 0 1\nr1 a b 1000\nc1 b 0 1e-6 ic=0\n{TIGHT}\n.tran 1e-5 5e-3 0 1e-4 uic\n.end\n"
RC_AC = "* RC filter\nv1 a 0 dc 0 ac 1\nr1 a b 1000\nc1 b 0 1e-6\n.ac dec 5 1 1e5\n.end\n"

# tanh feedback: two stable points, and 0
BISTABLE = "* bistable\nb1 0 x i=2*tanh(2*v(x))\nr1 x 0 1\n.nodeset v(x)={start}\n.options reltol=1e-9\n.op\n.end\n"

# everything that has a current of its own, and all analyses at once
MIXED = """* mixed
v1 a 0 dc 2 ac 1
r1 a mid 1000
r2 mid 0 1000
e1 e 0 mid 0 2
re e 0 1
h1 h 0 v1 3
rh h 0 1
l1 mid l 1e-3
rl l 0 1e5
b1 bb 0 v=tanh(v(mid))
rb bb 0 1
c1 mid 0 1e-9
.ac dec 2 1 1e6
.dc v1 0 2 0.5
.op
.tran 1e-7 5e-6
.end
"""

# solved only by source stepping, after both kinds of gmin stepping have failed
STEPPING = """* needs stepping
v1 a 0 5
r1 a b 1
b1 b 0 i=1e-14*(exp(v(b)/0.025)-1)
b2 b 0 i=1e-14*exp(v(b)*80)
d1 b c dm
d2 c 0 dm
.model dm d is=1e-18 n=0.5
.options itl1=7
.op
.end
"""


def title(text):
    """Return the title of `text`, as the name of a test."""
    return text.partition("\n")[0].removeprefix("* ")

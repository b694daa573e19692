"""What published work predicts, each statement with a number by which a study's file names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A prediction that records can decide.

    Attributes:
        number: by which it is named.
        statement: what is predicted, in our words.
        source: who says so.
    """

    number: int
    statement: str
    source: str


_IOFFE_SZEGEDY = "Ioffe & Szegedy 2015, section 4.1"
_COOIJMANS = "Cooijmans et al. 2017"
_SANTURKAR = "Santurkar et al. 2018"
_TRIED = "a pilot of this project"

LITERATURE = {
    one.number: one
    for one in (
        Published(1, "Batch normalization trains faster and ends higher than none.", _IOFFE_SZEGEDY),
        Published(
            2,
            "Channel statistics lose accuracy as the batch shrinks (ResNet-50, 32 to 2 examples a GPU: 23.6 to 34.7 % "
            "error); group normalization does not (24.1 to 24.1 %).",
            "Wu & He 2018",
        ),
        Published(
            3,
            "With small batches the inference gap dominates, and precise statistics are at least as stable as moving "
            "averages.",
            "Wu & Johnson 2021",
        ),
        Published(
            4,
            "Statistics averaged over time severely degrade a recurrent network; statistics for each time step with a "
            "shared scale and shift do not.",
            _COOIJMANS,
        ),
        Published(5, "An initial scale of 0.1 beats one of 1.0 inside the recurrence.", _COOIJMANS),
        Published(
            6,
            "Positions that are constant in training have no variance, so that inputs which differ there at test are "
            "multiplied by 1/√ε.",
            _COOIJMANS,
        ),
        Published(
            7,
            "Batch normalization lowers the change of the gradient along a step (gradient predictiveness) by up to two "
            "orders of magnitude early in training.",
            _SANTURKAR,
        ),
        Published(8, "With noise injected after it, batch normalization still trains about as well.", _SANTURKAR),
        Published(9, "Batch renormalization beats batch normalization for small batches.", "Ioffe 2017"),
        Published(10, "Larger batches narrow the usable range of learning rates.", "Masters & Luschi 2018"),
        Published(
            11,
            "At small batches elementwise statistics fail because few samples are behind each, not because of their "
            "scales and shifts (5,000 digits, batch size 4: channel .942, elementwise .842, channel statistics with "
            "elementwise scale and shift .937, the reverse .855).",
            f"{_TRIED}, 3 seeds",
        ),
        Published(
            12,
            "At a learning rate at which none, channel and spatial all diverge, elementwise can survive: stability and "
            "accuracy can rank differently.",
            f"{_TRIED}, 6 seeds",
        ),
        Published(
            13,
            "Random pixel splits of a hyperspectral scene overstate accuracy against block splits (Indian Pines, 3-D "
            "CNN: 96.3 against 70.3 %).",
            "a student repository",
        ),
        Published(
            14,
            "Where sensors drift along the window, statistics for each time step beat those over all of them; where "
            "each window begins at a random phase, that is taken away.",
            "how the generated engines are built",
        ),
        Published(
            15,
            "Where bands differ in scale, statistics for each band beat those over all of them.",
            "how the generated scenes are built",
        ),
        Published(
            16,
            "Where the places of a patch are lit differently, in every patch alike, statistics for each place beat "
            "those for each channel.",
            "how the generated scenes are built",
        ),
    )
}

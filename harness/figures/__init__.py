"""Figures: each takes a frame (or a Comparison) and an optional `ax`, and returns the axes it drew on.

No global style and no pyplot state: `plot_seed_cloud(frame).figure` is a figure like any other.
"""

from harness.figures.canvas import save_figure
from harness.figures.curves import plot_learning_curves
from harness.figures.gap import plot_inference_gap
from harness.figures.palette import look_of
from harness.figures.seeds import plot_seed_cloud

__all__ = ["look_of", "plot_inference_gap", "plot_learning_curves", "plot_seed_cloud", "save_figure"]

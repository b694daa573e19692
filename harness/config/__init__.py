"""Words and yaml become configs of cells: composing, grids, settings, identity. The only room that knows Hydra."""

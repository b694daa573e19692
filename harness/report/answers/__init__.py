"""One question a module: what is computed for it, its table, its figure, its sentence, how to read them.

A `plot_*` takes what it shows (a `Comparison`, a `Dial` or a `Table`), draws on `ax` (or `axes`, several panels) or
makes a figure that pyplot knows nothing of, and returns the axes that it drew on. `metric` is a column or name, and
`None` is the task's main metric on the test examples; a `band` is the share of the seeds that it holds, in (0, 1].
"""

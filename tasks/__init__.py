"""Tasks: data, loss and metrics with named axes; one file a task."""

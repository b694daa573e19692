"""From the statistics of a results directory to its report: sentences, chapters, one page (`reporting.report`)."""

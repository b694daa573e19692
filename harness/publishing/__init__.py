"""From a study's runs to what is committed of it: records in one file, tables, figures, a page, notebooks."""

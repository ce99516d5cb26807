"""The room of the report: what was measured (`results`), as tables (`tables`) and as a page (`page`)."""

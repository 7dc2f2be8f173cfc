"""Running Concord: landing, building and publishing; Dagster definitions on top of plain Python."""

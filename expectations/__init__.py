"""The agreed data contracts and what is compiled from them: rules, their judge, and dbt sources."""

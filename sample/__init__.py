"""The invented company Northwind Signal: its systems' extracts, and what is true of it."""

from sample.generator import generate, next_day

__all__ = ["generate", "next_day"]

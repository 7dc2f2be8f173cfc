"""The one revenue dashboard: its spec, its figures, its charts and the page that holds them."""

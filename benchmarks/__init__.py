"""What the main job costs: whole processes, dbt's models beside a bare scan, the contract gate beside plain SQL."""

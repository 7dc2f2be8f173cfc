"""The company's own folder of agreed tables: its first day, signatures and workbook. Imports no Dagster."""

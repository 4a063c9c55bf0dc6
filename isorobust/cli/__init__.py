"""The door: one small file per verb. They parse, call and print; no science."""

"""What the command writes for a person: lines, tables, progress; plain where the output is no terminal."""

"""What stands in a table: names, values, item, version; how it is asked for, scanned, made and checked."""

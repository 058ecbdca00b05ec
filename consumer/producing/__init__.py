"""Documents into records, as producers of several kinds write them: what `sanitizer produce` and the demo put."""

"""Documents that were written with a schema: where schemas come from, and what is read with them."""

"""Where documents can go: each module is one sink, but for `loading`, which finds them, and `several`."""

"""Pure algorithms over frames, samples, words and ranks. No I/O, no operators."""

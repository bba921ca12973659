"""The model once more, in loops over integer arrays, for a compiler.

It does what `keyrota.simulation.model` describes and calls the same pure functions for key choice,
windows and reactions. Plain Python runs it too. `advance` goes on until all is done, or until the
caller has to give it more numbers, more arrivals or more room, and then goes on where it stopped.
"""

"""The mechanics of attention in plain numpy: the reference for the browser's arithmetic.

Every function is named as its paper names it, works in float64, and has no state.
"""

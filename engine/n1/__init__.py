"""What the N+1 detector knows: statements as trees, loops in a trace, the model that weighs them, what to do about
one.
"""

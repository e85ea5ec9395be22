"""What is decided about models outside a plan.

Going back to an earlier revision, collecting what is left over, taking in what was made by hand.
"""

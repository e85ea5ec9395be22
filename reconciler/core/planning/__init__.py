"""How a plan comes about.

What is wanted, what is recorded and what is there are compared and decided name by name, within what a project allows.
"""

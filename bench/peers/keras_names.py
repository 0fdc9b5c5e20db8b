"""How Keras writes names and numbers into its files."""

import re


def snake_case(name):
    """The class of a layer, as the weights of the file are called."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def numbers(value, count):
    """One number for each of `count` axes: given as one for all, or as so many."""
    return [value] * count if isinstance(value, int) else list(value)

"""Does the whole pipeline find what is there, and nothing where there is nothing? Markets whose truth is known go in, gates come out.

``market`` draws a market with or without an effect, ``clues`` are the features that read it, ``pipeline`` runs the shipped folds over it
and the oracle beside them, ``leaks`` plants each classic mistake, ``study`` does all of it many times over, ``gates`` says what passes.
"""

"""The search for the recipe of one model under one permutation: Keras Tuner's oracles, chief and workers.

The chief has the oracle, tells workers what to train and keeps what they found in a journal. A search that was ended
asks a new oracle the same questions and answers from the journal, so nothing that Keras Tuner wrote is ever read.
"""

"""Names of memories, of encoders and of what else decides a network. Without torch."""

MEMORIES = ("lstm", "gru", "rnn", "stacked", "fast_weights", "feedforward")
"""Names of the memories."""
ENCODERS = ("small", "places", "paper")
"""Names of the encoders of images."""
NETWORK = ("memory", "lstm_hidden_size", "forget_bias", "shared_memory", "encoder", "net_arch")
"""Keyword arguments of `RecurrentPolicy` that an agent's card has."""

"""Names of memories, of encoders and of what else decides a network. Without torch."""

MEMORIES = {
    "lstm": "meta_envs.networks.memories:make_lstm",
    "gru": "meta_envs.networks.memories:GRU",
    "rnn": "meta_envs.networks.memories:RNN",
    "stacked": "meta_envs.networks.memories:StackedLSTM",
    "fast_weights": "meta_envs.networks.memories:FastWeightLSTM",
    "feedforward": "meta_envs.networks.memories:Feedforward",
}
"""Memories by name: where each is, called with the parts of its input and its units."""
ENCODERS = ("small", "places", "paper")
"""Names of the encoders of images."""
NETWORK = ("memory", "lstm_hidden_size", "forget_bias", "shared_memory", "encoder", "net_arch")
"""Keyword arguments of `RecurrentPolicy` that an agent's card has."""

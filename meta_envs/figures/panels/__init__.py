"""The paper's figures, one file an experiment."""

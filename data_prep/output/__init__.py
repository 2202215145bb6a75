"""What is written: the `ledger` of all inputs, the `card` and the `folder`, whole or not at all."""

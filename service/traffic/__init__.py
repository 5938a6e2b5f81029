"""Which requests are admitted, how long they may take, and what they may use."""

"""The path of one photo: from its bytes over the model's output to the answer."""

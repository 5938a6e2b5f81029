"""The path of one photo: from its bytes through the model to the answer."""

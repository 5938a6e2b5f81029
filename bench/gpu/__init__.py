"""What a GPU makes of the models and the service: see `bench.gpu.__main__`."""

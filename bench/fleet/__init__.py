"""Several services behind a load balancer: does it scale, and is anything ever lost?"""

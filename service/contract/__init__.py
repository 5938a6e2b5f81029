"""What the exporter and the service share: metadata, golden files, buckets, colour, softness."""

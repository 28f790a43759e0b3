"""The peers: what Itemroom is measured against, each installed into a folder of its own."""

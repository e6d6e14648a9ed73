"""The other side of a case, one file a peer, each used as its own documentation says. None imports the product."""

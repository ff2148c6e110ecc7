"""What a vendor of option flow would tell, worked out from prints alone: prints come in, sides as probabilities and flow alerts go out."""

"""Trained stages as files and back: in comes a stage, out go its bytes in open formats, JSON and safetensors; nothing that runs code."""

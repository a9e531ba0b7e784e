"""What a run is on disk. Run folders land in this folder too; git ignores them.

Nothing read from a run folder is executed or unpickled: JSON, CSV and safetensors only.
"""

"""The command line: one file a command, words -> values -> one library call."""

if __name__ == "cli":  # reached by the folder's name: two copies of one module would live side by side
    raise ImportError("import hyperx_cl.cli, not cli")

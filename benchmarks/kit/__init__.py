"""The accelerator kit: one file a question, each asked in a process of its own."""

"""Models as they are laid side by side or drawn for a reader. Shapes and figures only; the words are the views'."""

"""What a person sees: answers to questions, as a page, as Markdown, in a notebook, in the terminal."""

"""What papers and this lab claim, beside what the code measures."""

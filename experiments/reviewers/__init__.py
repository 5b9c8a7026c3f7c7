"""What the paper's reviewers asked for, run from one preset and written as one document."""

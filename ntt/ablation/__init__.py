"""Many settings over the same stored proposals: matched in one pass, compared image by image, beside a baseline."""

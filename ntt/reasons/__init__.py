"""Why objects were missed and what kind of error a detection is: plain functions of masks, scores and labels."""

"""ReImagine: a picture of every frame first, then a video model calms the sequence."""

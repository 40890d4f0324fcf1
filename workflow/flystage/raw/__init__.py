"""Find raw TIFs in folders and give each image its stage and embryo, from names and tables of labels, without opening any TIF."""

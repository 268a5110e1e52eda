"""Images, strips and grids of images, tables of classes."""

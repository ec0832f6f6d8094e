"""Data sets, prepared once into the site's data directory, and the input pipeline that reads them."""

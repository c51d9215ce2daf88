"""How dates and times are written: year first, so that columns sort by eye and nobody mixes up day and month."""

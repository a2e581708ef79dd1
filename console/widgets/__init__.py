"""What panes are drawn with: sheets, grids, charts, the lines above and below them."""

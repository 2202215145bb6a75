"""One file per tab; each has `build(studio)`, called where its components shall stand, which
returns what the tab is to the app around it: a list, empty where nothing runs.

Files: `generate`, `caption_to_image`, `image_to_caption`, `interpolate`, `explore`, `copying`,
`about`.
"""

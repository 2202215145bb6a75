"""What the product does with hostile inputs, kills and damage: `./run.sh campaign --help`.

`hostile` makes the inputs and `processes` runs commands; `tally` counts; each other file is one
campaign, by the name that the command line knows it by.
"""

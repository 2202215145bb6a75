"""Families of metrics.

A family is a file with FORMATS, which names its metrics (patterns) and says how they are told,
and evaluate(job), which returns {metric: Estimate} of the model and puts baselines beside it;
and a row in suite.FAMILIES. Its other functions measure arrays and strings, whoever made them.

Files, each importing only those before it: `losses`, `likelihood`, `reconstruction`, `cider`,
`captions`, `images`, `alignment`, `coherence`, `memorisation`, `baselines`.
"""

"""Raw pairs of pictures and captions -> a data set on disk. The command is `prepare`."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets before anyone can hush it

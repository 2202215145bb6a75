"""The reference run: book engravings with printed captions, one accelerator.

Every field of every run is named here; other configs import this one and change a few.
"""

from ml_collections import ConfigDict


def get_config():
    """The complete configuration, as a ConfigDict."""
    config = ConfigDict()
    config.name = "engravings"  # names the run directory and the W&B run
    config.seed = 0  # of parameters, noise, batch order and augmentation

    config.data = ConfigDict()
    config.data.dir = "datasets/engravings"  # made by data_prep.prepare
    config.data.image_size = 128  # pixels a side, as prepared
    config.data.channels = 1  # 1 grey, 3 RGB, as prepared
    config.data.caption_length = 48  # tokens, the end included; longer captions are cut
    config.data.augment = True  # small random zoom and shift; never a flip: lettering

    config.model = ConfigDict()
    config.model.dtype = "bfloat16"  # of matrix products: bfloat16 or float32
    config.model.fusion = "product"  # of the unimodal posteriors: see models/fusion.py
    config.model.adapter_rank = 0  # of low-rank adapters in the transformer blocks; 0: none
    config.model.alignment_dim = 256  # of the vectors that alignment compares
    config.model.latent = ConfigDict()
    config.model.latent.dim = 1024  # dimensions of the shared latent
    config.model.modalities = ConfigDict()
    config.model.modalities.image = ConfigDict()
    config.model.modalities.image.kind = "image"
    config.model.modalities.image.patch = 8  # pixels, a power of two; divides image_size
    config.model.modalities.image.width = 512
    config.model.modalities.image.heads = 8  # divides width
    config.model.modalities.image.squeeze = 16  # numbers a patch, next to the latent
    config.model.modalities.image.encoder_layers = 5
    config.model.modalities.image.decoder_layers = 4
    config.model.modalities.image.likelihood = "multiscale"  # gaussian, laplace
    config.model.modalities.caption = ConfigDict()
    config.model.modalities.caption.kind = "caption"
    config.model.modalities.caption.width = 512  # also of the word embeddings
    config.model.modalities.caption.heads = 8
    config.model.modalities.caption.squeeze = 32  # numbers a token, next to the latent
    config.model.modalities.caption.latent_tokens = 16  # that the decoder reads the latent as
    config.model.modalities.caption.encoder_layers = 2
    config.model.modalities.caption.decoder_layers = 3
    config.model.modalities.caption.word_dropout = 0.3  # share of hidden decoder inputs
    config.model.prior = ConfigDict()
    config.model.prior.width = 1024  # of the flow; narrower than the latent loses directions
    config.model.prior.layers = 5

    config.loss = ConfigDict()
    config.loss.subsets = ConfigDict()  # odds of what a training row shows the model:
    config.loss.subsets.joint = 0.4  # all it has,
    config.loss.subsets.image = 0.4  # or one modality alone
    config.loss.subsets.caption = 0.2
    config.loss.cross = ConfigDict()  # weight of a modality that the row did not show
    config.loss.cross.image = 0.0  # 0: a caption alone would teach an average picture
    config.loss.cross.caption = 1.0
    config.loss.alignment = "siglip"  # siglip, cosine or symmetric_kl
    config.loss.free_bits = 0.0  # nats per latent dimension that cost nothing
    config.loss.kl_warmup_fraction = 0.1  # of all steps, linear from 0
    config.loss.weights = ConfigDict()
    config.loss.weights.image = 10.0  # of the mean over pixels
    config.loss.weights.caption = 1.0  # of the mean over tokens
    config.loss.weights.alignment = 0.1
    config.loss.weights.prior = 1.0  # of the flow; it never reaches the encoders
    config.loss.weights.kl = 1e-4  # of the sum over latent dimensions

    config.optimizer = ConfigDict()
    config.optimizer.learning_rate = 6e-4  # peak
    config.optimizer.schedule = "cosine"  # cosine (to 1 % of the peak) or constant
    config.optimizer.warmup_fraction = 0.05  # of all steps, linear from 0
    config.optimizer.clip_norm = 1.0  # of the gradient of all parameters together
    config.optimizer.beta1 = 0.9
    config.optimizer.beta2 = 0.99
    config.optimizer.weight_decay = 0.05  # of matrices only
    config.optimizer.multipliers = ()  # of the rate, by parameter: ("encoders_*=0.1",)

    config.train = ConfigDict()
    config.train.epochs = 100
    config.train.batch_size = 256  # pairs a step, over all devices of all processes
    config.train.accumulate_steps = 1  # parts a batch is split into to save memory
    config.train.ema_decay = 0.999  # of the averaged parameters that are evaluated
    config.train.log_every_steps = 20
    config.train.freeze = ()  # parameters that stay as they are: ("encoders_*",)

    config.init = ConfigDict()
    config.init.from_run = ""  # run directory whose model this one starts from; "": anew
    config.init.skip = ()  # parameters that start anew all the same: ("prior/*",)

    config.samplers = ConfigDict()  # fitted to the best checkpoint after the last epoch:
    config.samplers.prior_steps = 5000  # of the learned prior alone
    config.samplers.prior_learning_rate = 1e-3  # its peak; the optimizer is that of training

    config.eval = ConfigDict()
    config.eval.every_epochs = 1
    config.eval.batch_size = 256
    config.eval.samples_every_epochs = 5  # pictures and caption table
    config.eval.num_samples = 16  # of each kind
    config.eval.metrics = ("coherence",)  # families of mmvae.evaluate, as often as samples

    config.checkpoint = ConfigDict()
    config.checkpoint.every_minutes = 10.0  # besides the one at every evaluation
    config.checkpoint.keep_best = 1
    config.checkpoint.keep_latest = 2  # 2, so that a damaged newest one has a fallback

    config.wandb = ConfigDict()
    config.wandb.mode = "auto"  # auto, online, offline or disabled
    config.wandb.project = "mmvae"
    return config.lock()

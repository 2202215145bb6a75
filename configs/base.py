"""The reference run: book engravings with printed captions, one accelerator.

Every field of every run is named here; other configs import this one and change a few.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The complete configuration, as a ConfigDict."""
    config = ConfigDict()
    config.name = "engravings"  # names the run directory and the W&B run
    config.seed = 0  # of parameters, noise, batch order and augmentation
    config.data = _data()
    config.model = _model()
    config.objective = _objective()
    config.loss = _loss()
    config.optimizer = _optimizer()
    config.train = _train()
    config.init = _init()
    config.samplers = _samplers()
    config.eval = _eval()
    config.checkpoint = _checkpoint()
    config.wandb = _wandb()
    return config.lock()


def _data():
    """The pictures and captions that are trained on."""
    data = ConfigDict()
    data.dir = "datasets/engravings"  # made by data_prep.prepare
    data.image_size = 128  # pixels a side, as prepared
    data.channels = 1  # 1 grey, 3 RGB, as prepared
    data.caption_length = 48  # tokens, the end included; longer captions are cut
    data.augment = True  # small random zoom and shift; never a flip: lettering
    data.shares = ConfigDict()  # of a batch's rows, by what they have; all 0: as the set has them
    data.shares.pair = 0.0  # everything
    data.shares.image = 0.0  # one modality alone; several: "image+label"
    data.shares.caption = 0.0
    return data


def _model():
    """Sizes of the model."""
    model = ConfigDict()
    model.dtype = "bfloat16"  # of matrix products: bfloat16 or float32
    model.fusion = "product"  # of the unimodal posteriors: see models/fusion.py
    model.adapter_rank = 0  # of low-rank adapters in the transformer blocks; 0: none
    model.alignment_dim = 256  # of the vectors that alignment compares
    model.latent = ConfigDict()
    model.latent.dim = 1024  # dimensions of the shared latent
    model.modalities = ConfigDict({"image": _image(), "caption": _caption()})
    model.prior = ConfigDict()
    model.prior.width = 1024  # of the flow; narrower than the latent loses directions
    model.prior.layers = 5
    return model


def _image():
    """The image modality."""
    image = ConfigDict()
    image.kind = "image"
    image.patch = 8  # pixels, a power of two; divides image_size
    image.width = 512
    image.heads = 8  # divides width
    image.squeeze = 16  # numbers a patch, next to the latent
    image.dropout = 0.0  # share of what each block adds, in training
    image.encoder_layers = 5
    image.decoder_layers = 4
    image.likelihood = "multiscale"  # gaussian, laplace, student, bernoulli, logistic
    image.decoder = "mean"  # or flow: pictures are sampled around the mean one
    image.flow_layers = 8  # of the flow, as wide as the decoder
    image.flow_steps = 20  # of its integration, two evaluations each
    image.flow_weight = 0.1  # of its loss, beside the likelihood's
    image.flow_to_latent = False  # whether its gradient reaches the latent
    return image


def _caption():
    """The caption modality."""
    caption = ConfigDict()
    caption.kind = "caption"
    caption.width = 512  # also of the word embeddings
    caption.heads = 8
    caption.squeeze = 32  # numbers a token, next to the latent
    caption.dropout = 0.0  # share of what each block adds, in training
    caption.latent_tokens = 16  # that the decoder reads the latent as
    caption.encoder_layers = 2
    caption.decoder_layers = 3
    caption.word_dropout = 0.3  # share of hidden decoder inputs
    return caption


def _objective():
    """What training minimises."""
    objective = ConfigDict()
    objective.name = "elbo"  # of the family in mmvae/objectives/family.py: docs/objectives.md
    objective.private = 8  # dimensions of each modality's own code, in objectives with codes
    objective.private_kl = 1.0  # weight of the codes' KL, in units of loss.weights.kl
    objective.alpha = 0.1  # jmvae: of the KL to each posterior; mvtcae: share of those KLs
    objective.draws = 4  # samples of each expert in importance-weighted bounds
    objective.gradient = "dreg"  # of those bounds: dreg (doubly reparametrised) or iwae
    objective.posterior = "gaussian"  # or laplace: of mmvae, mmvaeplus, cmvae, with their prior
    objective.subsampling = True  # mvae: also the ELBO of each modality alone
    objective.random_subsets = 0  # mvae: and of so many random subsets, of three or more
    objective.clusters = 10  # cmvae: of the prior
    objective.target = "image"  # cvae: the modality that the others tell
    return objective


def _loss():
    """Terms of the loss, and which rows show what."""
    loss = ConfigDict()
    loss.subsets = ConfigDict()  # odds of what a training row shows the model:
    loss.subsets.joint = 0.4  # all it has,
    loss.subsets.image = 0.4  # or one modality alone
    loss.subsets.caption = 0.2
    loss.cross = ConfigDict()  # weight of a modality that the row did not show
    loss.cross.image = 0.0  # 0: a caption alone would teach an average picture
    loss.cross.caption = 1.0
    loss.alignment = "siglip"  # siglip, cosine or symmetric_kl
    loss.free_bits = 0.0  # nats per latent dimension that cost nothing
    loss.kl_warmup_fraction = 0.1  # of all steps, linear from 0
    loss.weights = ConfigDict()
    loss.weights.image = 10.0  # of the mean over pixels
    loss.weights.caption = 1.0  # of the mean over tokens
    loss.weights.alignment = 0.1
    loss.weights.prior = 1.0  # of the flow; it never reaches the encoders
    loss.weights.kl = 1e-4  # of the sum over latent dimensions
    return loss


def _optimizer():
    """AdamW and its schedule."""
    optimizer = ConfigDict()
    optimizer.learning_rate = 6e-4  # peak
    optimizer.schedule = "cosine"  # cosine (to 1 % of the peak) or constant
    optimizer.warmup_fraction = 0.05  # of all steps, linear from 0
    optimizer.clip_norm = 1.0  # of the gradient of all parameters together
    optimizer.beta1 = 0.9
    optimizer.beta2 = 0.99
    optimizer.weight_decay = 0.05  # of matrices only
    optimizer.multipliers = ()  # of the rate, by parameter: ("encoders_*=0.1",)
    return optimizer


def _train():
    """The loop."""
    train = ConfigDict()
    train.epochs = 100
    train.batch_size = 256  # pairs a step, over all devices of all processes
    train.accumulate_steps = 1  # parts a batch is split into to save memory
    train.ema_decay = 0.999  # of the averaged parameters that are evaluated
    train.log_every_steps = 20
    train.freeze = ()  # parameters that stay as they are: ("encoders_*",)
    return train


def _init():
    """Another run to start from."""
    init = ConfigDict()
    init.from_run = ""  # run directory whose model this one starts from; "": anew
    init.skip = ()  # parameters that start anew all the same: ("prior/*",)
    return init


def _samplers():
    """What is fitted to the best checkpoint after the last epoch."""
    samplers = ConfigDict()
    samplers.prior_steps = 5000  # of the learned prior alone
    samplers.prior_learning_rate = 1e-3  # its peak; the optimizer is that of training
    return samplers


def _eval():
    """What is measured while training."""
    evaluation = ConfigDict()
    evaluation.every_epochs = 1
    evaluation.batch_size = 256
    evaluation.samples_every_epochs = 1  # pictures and caption table; 0: never
    evaluation.num_samples = 16  # of each kind
    evaluation.metrics = ("coherence",)  # families of mmvae.evaluate, as often as samples
    return evaluation


def _checkpoint():
    """What is kept."""
    checkpoint = ConfigDict()
    checkpoint.every_minutes = 10.0  # besides the one at every evaluation
    checkpoint.best_by = "baselines"  # least sum of each half's share of trivial; or loss_total
    checkpoint.keep_best = 1
    checkpoint.keep_latest = 2  # 2, so that a damaged newest one has a fallback
    return checkpoint


def _wandb():
    """Weights & Biases."""
    wandb = ConfigDict()
    wandb.mode = "auto"  # auto, online, offline or disabled
    wandb.project = "mmvae"
    return wandb

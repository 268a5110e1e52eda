"""The abbreviations and names of the field that labels use, each as an entry of the glossary."""

from __future__ import annotations

from gui.look.term import Term, term

ABBREVIATIONS: tuple[Term, ...] = (
    term(
        "L-inf, L2, L1",
        (
            "Norms, which measure how long a perturbation is. In the L-inf ball every pixel may "
            "change by eps; in the L2 ball the squares of all changes sum to at most eps squared, "
            "and L1 is the sum of all changes."
        ),
        "‖δ‖<sub>∞</sub> ≤ ε, ‖δ‖<sub>2</sub> ≤ ε, ‖δ‖<sub>1</sub> = ∑<sub>i</sub> |δ<sub>i</sub>|",
        "Madry 2018, section 2",
        words="l-inf|l2|l1",
    ),
    term(
        "AutoAttack",
        (
            "Four attacks one after the other, each on the images that the earlier ones left: "
            "APGD-CE, APGD-T, FAB-T and Square, with published constants. The accuracy that is "
            "left is the usual measure of how robust a network is."
        ),
        "APGD-CE → APGD-T → FAB-T → Square",
        "Croce, Hein 2020",
        words="autoattack|apgd|apgd-ce|apgd-t|apgd-dlr|fab|fab-t|square",
    ),
    term(
        "CE and DLR",
        (
            "The losses behind APGD-CE and APGD-DLR. CE is the cross-entropy; DLR is the margin "
            "over the distance of the largest logit to the third, which scaling cannot change."
        ),
        "DLR = −(z<sub>y</sub> − max<sub>i≠y</sub> z<sub>i</sub>) / (z<sub>π1</sub> − "
        "z<sub>π3</sub>)",
        "Croce, Hein 2020, section 4",
        words="ce|dlr",
    ),
    term(
        "AWP",
        (
            "Adversarial weight perturbation: each step of the training is taken at weights that "
            "first moved to where the loss is higher. It flattens the loss around the weights, "
            "against overfitting to attacks."
        ),
        "min<sub>w</sub> max<sub>v</sub> L(w + v), ‖v‖ ≤ γ ‖w‖, layer by layer",
        "Wu, Xia, Wang 2020",
        "awp",
        words="awp|weight perturbation",
    ),
    term(
        "DiffROAR",
        (
            "Retrains twice: on the pixels that a map marks most, and on those that it marks "
            "least. A difference above 0 says that the map ranks better than chance."
        ),
        "A<sub>top</sub>(p) − A<sub>bottom</sub>(p)",
        "Shah, Jain, Netrapalli 2021",
        words="diffroar",
    ),
    term(
        "ReLU, SiLU, GELU",
        (
            "Activations, the bends between the layers of a network. ReLU has a kink at 0, the "
            "others are smooth, so that gradients change without jumps."
        ),
        "ReLU(z) = max(0, z); SiLU(z) = z σ(z); GELU(z) = z Φ(z)",
        "Hendrycks, Gimpel 2016; Xie 2020 on smooth activations in adversarial training",
        words="relu|silu|gelu|softplus|activation",
    ),
    term(
        "CNN",
        (
            "Convolutional neural network: its first layers slide small filters over the image. "
            "ResNet, WideResNet and PreActResNet are such networks with shortcuts past layers."
        ),
        "z<sub>i</sub> = ∑<sub>j</sub> w<sub>j</sub> x<sub>i+j</sub>; with a shortcut: x + F(x)",
        "LeCun 1998; He 2016",
        words="cnn|resnet|wideresnet|preactresnet|convolution",
    ),
    term(
        "MNIST, CIFAR-10, ImageNet",
        (
            "Public sets of labelled images. MNIST holds handwritten digits, CIFAR-10 small "
            "colour photographs of ten classes, and ImageNet photographs of a thousand."
        ),
        "28 x 28 x 1; 32 x 32 x 3; usually 224 x 224 x 3",
        "LeCun 1998; Krizhevsky 2009; Deng 2009",
        words="mnist|fashion-mnist|cifar|cifar-10|imagenet",
    ),
    term(
        "KL divergence",
        (
            "How far one distribution is from another, in nats; 0 if they are alike. TRADES and "
            "MART hold the predictions on attacked images near those on clean ones by it, and a "
            "VAE holds its latents near the normal distribution."
        ),
        "KL(p ‖ q) = ∑<sub>c</sub> p<sub>c</sub> log(p<sub>c</sub> / q<sub>c</sub>)",
        "Kullback, Leibler 1951",
        words="kl|kl divergence|divergence",
    ),
    term(
        "SGD",
        (
            "Stochastic gradient descent: each step follows the gradient on one batch of images. "
            "With momentum it keeps a part of the steps before."
        ),
        "v ← m v + g, w ← w − η v",
        "Robbins, Monro 1951; Sutskever 2013",
        words="sgd|momentum",
    ),
    term(
        "TF32, bfloat16",
        (
            "Shorter numbers in which graphics cards multiply faster than in float32. They have "
            "its range and fewer digits, so that results differ in the last places."
        ),
        "bits of the fraction: float32 23, TF32 10, bfloat16 7",
        "Micikevicius 2018 on training with short numbers; NVIDIA 2020 on TF32",
        words="tf32|bfloat16|float32|float64",
    ),
    term(
        "epoch and batch",
        (
            "A batch is the images of one step of a training, an epoch as many steps as it takes "
            "to see every training image once. Curves are drawn over epochs."
        ),
        "steps per epoch = training images / batch size",
        "Goodfellow, Bengio, Courville 2016, section 8.1",
    ),
    term(
        "seed",
        (
            "The number that random draws begin from: first weights, order of images, attacks. "
            "Networks that differ by it alone show how much chance is in a result."
        ),
        "same settings and same seed: same numbers",
        "Bouthillier 2021 on variance between trainings",
        "seed",
        "split_seed",
    ),
    term(
        "logit and margin",
        (
            "Logits are a network's numbers for the classes before they become probabilities. "
            "The margin is how much the right class leads: below 0 the image is misclassified."
        ),
        "margin = z<sub>y</sub> − max<sub>j≠y</sub> z<sub>j</sub>",
        "Carlini, Wagner 2017",
        words="logit|logits|margin",
    ),
    term(
        "latent code",
        (
            "The few numbers that an encoder makes of an image, and from which a decoder draws "
            "it. Close latents give similar images."
        ),
        "z = Enc(x), x~ = Dec(z)",
        "Kingma, Welling 2014",
        words="latents|encoder|decoder|latent",
    ),
    term(
        "attribution",
        (
            "A number for each pixel of an image: how much it speaks for the explained class. As "
            "a picture it is called a map; red is for, blue is against."
        ),
        "a(x) has the shape of x",
        "Simonyan 2014; Sundararajan 2017",
    ),
    term(
        "confusion",
        (
            "A table of how many images of each class are taken for which class. The right ones "
            "stand on its diagonal."
        ),
        "C<sub>ij</sub> = images of class i that are taken for class j",
        "Stehman 1997",
    ),
    term(
        "perturbation of an image",
        (
            "What an attack adds to an image. It is kept within the ball of radius eps, and the "
            "attacked image within [0, 1]."
        ),
        "δ = x′ − x",
        "Szegedy 2014",
        words="perturbation",
    ),
)

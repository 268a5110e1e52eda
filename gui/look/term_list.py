"""The technical terms behind all tooltips, each with a short explanation and an equation.

A term lists the spec fields that it explains, and the words that refer to it in table headers and
axes. Texts are rich text: letters with sub and sup, no pictures.
"""

from __future__ import annotations

from gui.look.term import Term, term

PAPER = "Kim, Seo, Jeon 2019"
RELEASED = f"{PAPER}; the released code"

TERMS: tuple[Term, ...] = (
    term(
        "eps",
        (
            "The radius of the ball around an image inside which an attack may move it. Pixels lie "
            "in [0, 1] here and in [-1, 1] in the paper, so that its eps are twice ours."
        ),
        "‖x′ − x‖<sub>p</sub> ≤ ε",
        f"Madry 2018, section 2; {PAPER}",
        "eps",
        words="eps|attack strength|radius",
    ),
    term(
        "norm",
        (
            "How the length of a perturbation is measured. L-inf is the largest change of any "
            "pixel, L2 the usual length of the whole perturbation."
        ),
        "‖δ‖<sub>∞</sub> = max<sub>i</sub> |δ<sub>i</sub>|, "
        "‖δ‖<sub>2</sub> = (∑<sub>i</sub> δ<sub>i</sub><sup>2</sup>)<sup>1/2</sup>",
        "Madry 2018, section 2",
        "norm",
        words="norm",
    ),
    term(
        "step size",
        (
            "The length of one step of an attack, in the same unit as eps. The paper takes 2 in L2 "
            "and 0.02 in L-inf, in its own units, whatever eps is."
        ),
        "L2: x + α g / ‖g‖<sub>2</sub>; L-inf: x + α sign(g)",
        RELEASED,
        "step_size",
        words="step size",
    ),
    term(
        "PGD",
        (
            "Projected gradient descent: an attack that follows the loss gradient step by step and "
            "after each one goes back into the ball around the image. With one step of length eps "
            "it is FGSM."
        ),
        "x<sup>t+1</sup> = Π<sub>‖x′−x‖ ≤ ε</sub>(x<sup>t</sup> + α sign(∇<sub>x</sub> L("
        "x<sup>t</sup>, y)))",
        f"Madry 2018, section 2.1; {PAPER}",
        "attack",
        "steps",
        "evaluation",
        words="pgd|attack|steps",
    ),
    term(
        "random start and restarts",
        (
            "The attack begins at a random point of the ball instead of at the image. Of several "
            "runs the worst one counts for each image."
        ),
        "x<sup>0</sup> = x + δ, δ uniform in the ball",
        "Madry 2018",
        "random_start",
        "restarts",
        words="restarts|random start",
    ),
    term(
        "loss of the attack",
        (
            "What the attack makes rise. The cross-entropy is the loss of training; the margin of "
            "Carlini and Wagner is above 0 exactly where the image is misclassified."
        ),
        "xent: −log p<sub>y</sub>; cw: max<sub>j≠y</sub> z<sub>j</sub> − z<sub>y</sub>",
        f"Carlini, Wagner 2017; {PAPER}",
        "loss",
        words="loss",
    ),
    term(
        "adversarial training",
        (
            "Every batch of the training is replaced by its attacked version, labels unchanged. "
            "The network is then fitted to the worst case in the ball, not to the image itself."
        ),
        "min<sub>θ</sub> E<sub>(x,y)</sub> max<sub>‖δ‖ ≤ ε</sub> L(θ, x + δ, y)",
        "Madry 2018, equation 2.1",
        "scheme",
        words="adversarial training",
    ),
    term(
        "loss gradient",
        (
            "How fast the log-probability of a class changes with each pixel: where it is "
            "positive, a brighter pixel speaks for the class. The paper takes the class that the "
            "network predicts."
        ),
        "g = ∇<sub>x</sub> log p<sub>c</sub>(x) = −∇<sub>x</sub> L(x, c)",
        f"Simonyan 2014; {PAPER}",
        "attribution",
        "explained",
        "quantity",
        words="gradient",
    ),
    term(
        "gradient x input",
        (
            "The loss gradient times the image, pixel by pixel: what each pixel contributed, not "
            "what it could. In the paper's range mid-grey is 0 and contributes nothing."
        ),
        "a<sub>i</sub> = x<sub>i</sub> ∂ log p<sub>c</sub> / ∂x<sub>i</sub>",
        f"Shrikumar 2017; {PAPER}",
        "input_range",
        words="gradient x input|gx",
    ),
    term(
        "ROAR",
        (
            "Remove and retrain: the most important pixels are replaced by the mean, in training "
            "and test images, and a fresh network is trained on what is left. The faster its "
            "accuracy falls below that of random removal, the better the map knew."
        ),
        "score = ∫<sub>0</sub><sup>1</sup> (A<sub>random</sub>(p) − A<sub>map</sub>(p)) dp",
        f"Hooker 2019; {PAPER}",
        "mode",
        "occlusion",
        words="roar",
    ),
    term(
        "KAR",
        (
            "Keep and retrain: only the most important pixels are kept, the others are replaced by "
            "the mean, and a fresh network is trained. The higher its accuracy above that of "
            "random keeping, the better the map knew."
        ),
        "score = ∫<sub>0</sub><sup>1</sup> (A<sub>map</sub>(p) − A<sub>random</sub>(p)) dp",
        PAPER,
        words="kar",
    ),
    term(
        "interpretability score",
        (
            "The area between the accuracy curve of the map and that of random pixels, by the "
            "trapezoid rule. Above 0 the map knows more than chance; it is relative to its "
            "controls and carries a spread over retrainings."
        ),
        "∑<sub>k</sub> ½ (d<sub>k</sub> + d<sub>k+1</sub>) (p<sub>k+1</sub> − p<sub>k</sub>), "
        "d = ±(A<sub>random</sub> − A<sub>map</sub>)",
        PAPER,
        "repeats",
        "random_baseline",
        "control",
        words="score",
    ),
    term(
        "fraction removed",
        (
            "The share of an image's pixels that is replaced by the mean of the training images, "
            "channel by channel. The paper takes 10, 30, 50, 70 and 90 percent."
        ),
        "p = pixels replaced / all pixels",
        f"Hooker 2019; {PAPER}",
        "fractions",
        "fraction_removed",
        words="fraction removed|fraction|pixels removed|pixels replaced",
    ),
    term(
        "boundary tilting angle",
        (
            "The angle between the line that joins the two classes' centres and the mean direction "
            "across the decision boundary. A tilted boundary lies close to the data in a direction "
            "in which they hardly vary, so that short attacks cross it."
        ),
        "cos φ = ⟨n, μ<sub>1</sub> − μ<sub>2</sub>⟩ / ‖μ<sub>1</sub> − μ<sub>2</sub>‖, n = mean of "
        "∇(z<sub>1</sub> − z<sub>2</sub>) / ‖∇(z<sub>1</sub> − z<sub>2</sub>)‖",
        f"Tanay, Griffin 2016; {PAPER}",
        words="tilt|angle",
    ),
    term(
        "distance to the manifold",
        (
            "How far an image lies from what a generator can draw: the length of the difference "
            "to its reconstruction. It is a statement about one generator, and is scaled by the "
            "distances of clean test images."
        ),
        "d(x) = ‖x − Dec(Enc(x))‖<sub>2</sub>",
        PAPER,
        "judged_by",
        "reconstruction",
        "generator",
        words="distance to the manifold|scaled distance|distance",
    ),
    term(
        "share in the tangent space",
        (
            "How much of a gradient's length points along the image manifold, where images stay "
            "images. A direction without any preference has the square root of k / d, k being the "
            "manifold's dimension and d the number of pixels."
        ),
        "‖P<sub>T</sub> g‖ / ‖g‖",
        "Bordt 2023",
        words="tangent share|tangent space|tangent|share in the tangent space",
    ),
    term(
        "blurriness",
        (
            "The share of a map's energy at frequencies up to a quarter of the highest one that "
            "pixels can hold. Blurred maps can score better without knowing more, so it stands "
            "beside every score."
        ),
        "∑<sub>|f| ≤ 1/8</sub> |F(f)|<sup>2</sup> / ∑<sub>f≠0</sub> |F(f)|<sup>2</sup>",
        "This program's; why it matters: Song, Cha, Seo 2023, pitfalls of ROAR",
        "blur",
        "blurriness",
        words="blurriness|equal blurriness",
    ),
    term(
        "within seeds",
        (
            "A correlation after each seed's mean is taken out of both values. All scores of one "
            "seed may share the errors of one random baseline; these say nothing about strength "
            "or accuracy, and drop out."
        ),
        "r(x − x̄<sub>seed</sub>, y − ȳ<sub>seed</sub>)",
        "This program's; a partial correlation given the seed, Fisher 1924",
        words="within seeds",
    ),
    term(
        "completeness gap",
        (
            "How far the sum of a map is from the difference it should share out, between the "
            "output for the image and that for a picture that counts as nothing. 0 means that the "
            "map explains all of the difference."
        ),
        "|∑<sub>i</sub> a<sub>i</sub> − (F(x) − F(x<sub>0</sub>))| / |F(x) − F(x<sub>0</sub>)|",
        "Sundararajan, Taly, Yan 2017, proposition 1",
        words="completeness gap|gap",
    ),
    term(
        "clean accuracy",
        (
            "The share of test images, unchanged, that a network classifies rightly. Adversarial "
            "training pays with it for readable gradients."
        ),
        "A = P(arg max<sub>j</sub> z<sub>j</sub>(x) = y)",
        PAPER,
        words="clean|test accuracy|clean accuracy",
    ),
    term(
        "robust accuracy",
        (
            "The share of test images that are classified rightly although they were attacked. It "
            "is what this attack could not break, so that a stronger one may find it lower."
        ),
        "A<sub>ε</sub> = P(arg max<sub>j</sub> z<sub>j</sub>(x + δ) = y)",
        "Madry 2018, section 2; Wilson 1927 for its interval",
        "evaluation_images",
        words="robust|robust accuracy|accuracy under attack|under attack",
    ),
    term(
        "Pearson correlation",
        (
            "How well points lie on a line: 1 or −1 on it, 0 without any linear relation. The "
            "interval of one seed says what other strengths would give, that of several seeds what "
            "other seeds would give."
        ),
        "r = ∑ (x−x̄)(y−ȳ) / (∑ (x−x̄)<sup>2</sup> ∑ (y−ȳ)<sup>2</sup>)<sup>1/2</sup>",
        f"{PAPER}; Johnson, Welch 1940 for its interval",
        words="pearson|r",
    ),
    term(
        "Spearman correlation",
        (
            "The Pearson correlation of the ranks: 1 wherever one quantity rises with the other, "
            "straight or not. Ties share their mean rank."
        ),
        "ρ = r(rank x, rank y)",
        PAPER,
        words="spearman|rank",
    ),
    term(
        "alignment",
        (
            "How far an image points along the gradient of the winning logit. For a linear network "
            "it is the distance to the decision boundary."
        ),
        "α(x) = |⟨x, ∇<sub>x</sub> z<sub>c</sub>(x)⟩| / ‖∇<sub>x</sub> z<sub>c</sub>(x)‖",
        "Etmann 2019, definition 1",
        words="alignment",
    ),
    term(
        "VAE-GAN",
        (
            "A generator of two parts: an encoder that puts an image into few numbers, and a "
            "decoder that draws it again, judged by a discriminator. What it can draw stands for "
            "the image manifold."
        ),
        "L<sub>enc</sub> = |x − x̃|<sub>1</sub> + KL; L<sub>dec</sub> = λ |x − x̃|<sub>1</sub> − "
        "log D(x̃) − log D(G(z))",
        f"Larsen 2016; {PAPER}",
        "latent",
        "reconstruction_weight",
        "discriminator_steps",
        words="reconstruction loss|reconstruction",
    ),
    term(
        "baseline network",
        (
            "The standard network on unchanged images whose accuracy ends the curves of ROAR and "
            "KAR. The retrained networks have its architecture, optimiser, epochs and batch size."
        ),
        "A(0) = a, A(1) = chance for ROAR",
        PAPER,
        "baseline",
        words="baseline",
    ),
    term(
        "decision region",
        (
            "All images that a network puts into one class. On the plane through an image, along "
            "its attack and a random direction, one sees how near the next region is."
        ),
        "{x + ε (a u + b v)}, ‖u‖<sub>p</sub> = ‖v‖<sub>p</sub> = 1, ⟨u, v⟩ = 0",
        "Warde-Farley, Goodfellow 2016, figure 1",
        words="decision region|decision regions|region",
    ),
    term(
        "painted class",
        (
            "What a targeted attack of a large radius makes of an image. Networks whose gradients "
            "follow what makes a class paint strokes of it; others reach the class by noise."
        ),
        "argmin L(f(x′), t), ‖x′ − x‖<sub>p</sub> ≤ ε, ε large",
        "Santurkar 2019, section 3",
        words="painted class|painting",
    ),
)

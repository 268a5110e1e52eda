"""The engine: all computation of Isthmus, none of its window.

Terms used throughout, each with one spelling:

images
    float32 tensor (N, C, H, W) in [0, 1] inside computations; uint8, same shape, in memory.
labels
    int64 tensor (N,), class indices; -1 where an image has no label.
logits
    float32 tensor (N, K), the network's output before any softmax.
adv_images, delta
    attacked images, and their difference from the clean ones.
norm, eps, step_size, steps
    the threat model, "linf" or "l2"; its radius and step in [0, 1] pixel units; number of steps.
    The paper scales pixels to [-1, 1]: its eps and steps are twice ours.
loss_gradient, attribution
    gradient of a loss with respect to the image; a signed importance per pixel and channel.
ranking
    per image, the order of its pixels from most to least important.
fraction_removed
    share of an image's pixels that is replaced by the fill value, in [0, 1].
"""

import logging

# For the first figure, matplotlib lists the fonts of the system while it is imported; on a slow
# machine it says so on standard error. Of a missing font it warns, though it takes another.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

"""What is known of torchvision's classifiers without building them.

Made by ``python tests/benchmarks/all_networks.py --facts``; a test compares a sample with networks.
"""

from __future__ import annotations

from engine.networks.facts import Facts, read_facts

# name, least side, multiple, square, million weights (1,000 classes), measured at this side,
# billion multiplications and additions forwards, MB kept for the way back; each for one image
TABLE = """
alexnet 63 1 0 0 64 0 0
convnext_base 32 1 0 0 64 0 0
convnext_large 32 1 0 0 64 0 0
convnext_small 32 1 0 0 64 0 0
convnext_tiny 32 1 0 0 64 0 0
densenet121 29 1 0 0 64 0 0
densenet161 29 1 0 0 64 0 0
densenet169 29 1 0 0 64 0 0
densenet201 29 1 0 0 64 0 0
efficientnet_b0 8 1 0 0 64 0 0
efficientnet_b1 8 1 0 0 64 0 0
efficientnet_b2 8 1 0 0 64 0 0
efficientnet_b3 8 1 0 0 64 0 0
efficientnet_b4 8 1 0 0 64 0 0
efficientnet_b5 8 1 0 0 64 0 0
efficientnet_b6 8 1 0 0 64 0 0
efficientnet_b7 8 1 0 0 64 0 0
efficientnet_v2_l 8 1 0 0 64 0 0
efficientnet_v2_m 8 1 0 0 64 0 0
efficientnet_v2_s 8 1 0 0 64 0 0
googlenet 15 1 0 0 64 0 0
inception_v3 75 1 0 0 64 0 0
maxvit_t 224 224 1 0 64 0 0
mnasnet0_5 8 1 0 0 64 0 0
mnasnet0_75 8 1 0 0 64 0 0
mnasnet1_0 8 1 0 0 64 0 0
mnasnet1_3 8 1 0 0 64 0 0
mobilenet_v2 8 1 0 0 64 0 0
mobilenet_v3_large 8 1 0 0 64 0 0
mobilenet_v3_small 8 1 0 0 64 0 0
regnet_x_16gf 8 1 0 0 64 0 0
regnet_x_1_6gf 8 1 0 0 64 0 0
regnet_x_32gf 8 1 0 0 64 0 0
regnet_x_3_2gf 8 1 0 0 64 0 0
regnet_x_400mf 8 1 0 0 64 0 0
regnet_x_800mf 8 1 0 0 64 0 0
regnet_x_8gf 8 1 0 0 64 0 0
regnet_y_128gf 8 1 0 0 64 0 0
regnet_y_16gf 8 1 0 0 64 0 0
regnet_y_1_6gf 8 1 0 0 64 0 0
regnet_y_32gf 8 1 0 0 64 0 0
regnet_y_3_2gf 8 1 0 0 64 0 0
regnet_y_400mf 8 1 0 0 64 0 0
regnet_y_800mf 8 1 0 0 64 0 0
regnet_y_8gf 8 1 0 0 64 0 0
resnet101 8 1 0 0 64 0 0
resnet152 8 1 0 0 64 0 0
resnet18 8 1 0 0 64 0 0
resnet34 8 1 0 0 64 0 0
resnet50 8 1 0 0 64 0 0
resnext101_32x8d 8 1 0 0 64 0 0
resnext101_64x4d 8 1 0 0 64 0 0
resnext50_32x4d 8 1 0 0 64 0 0
shufflenet_v2_x0_5 8 1 0 0 64 0 0
shufflenet_v2_x1_0 8 1 0 0 64 0 0
shufflenet_v2_x1_5 8 1 0 0 64 0 0
shufflenet_v2_x2_0 8 1 0 0 64 0 0
squeezenet1_0 21 1 0 0 64 0 0
squeezenet1_1 17 1 0 0 64 0 0
swin_b 8 1 0 0 64 0 0
swin_s 8 1 0 0 64 0 0
swin_t 8 1 0 0 64 0 0
swin_v2_b 8 1 0 0 64 0 0
swin_v2_s 8 1 0 0 64 0 0
swin_v2_t 8 1 0 0 64 0 0
vgg11 32 1 0 0 64 0 0
vgg11_bn 32 1 0 0 64 0 0
vgg13 32 1 0 0 64 0 0
vgg13_bn 32 1 0 0 64 0 0
vgg16 32 1 0 0 64 0 0
vgg16_bn 32 1 0 0 64 0 0
vgg19 32 1 0 0 64 0 0
vgg19_bn 32 1 0 0 64 0 0
vit_b_16 16 16 1 0 64 0 0
vit_b_32 32 32 1 0 64 0 0
vit_h_14 14 14 1 0 64 0 0
vit_l_16 16 16 1 0 64 0 0
vit_l_32 32 32 1 0 64 0 0
wide_resnet101_2 8 1 0 0 64 0 0
wide_resnet50_2 8 1 0 0 64 0 0
"""

FACTS: dict[str, Facts] = read_facts(TABLE)
"""Name in torchvision -> what is known of it."""

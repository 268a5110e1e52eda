"""What is known of torchvision's classifiers without building them.

Made by ``python -m tests.benchmarks.all_networks --facts``; a test compares a sample with networks.
"""

from __future__ import annotations

from engine.networks.facts import Facts, read_facts

# name, least side, multiple, square, million weights (1,000 classes), measured at this side,
# billion multiplications and additions forwards, MB kept for the way back; each for one image
TABLE = """
alexnet 63 1 0 61.10 64 0.1963 0.4
convnext_base 32 1 0 88.59 64 2.5088 18.9
convnext_large 32 1 0 197.77 64 5.6129 28.4
convnext_small 32 1 0 50.22 64 1.4192 14.2
convnext_tiny 32 1 0 28.59 64 0.7288 8.9
densenet121 29 1 0 7.98 64 0.4646 11.0
densenet161 29 1 0 28.68 64 1.2658 20.7
densenet169 29 1 0 14.15 64 0.5516 13.5
densenet201 29 1 0 20.01 64 0.7042 17.5
efficientnet_b0 8 1 0 5.29 64 0.0665 7.4
efficientnet_b1 8 1 0 7.79 64 0.0974 10.4
efficientnet_b2 8 1 0 9.11 64 0.1126 10.9
efficientnet_b3 8 1 0 12.23 64 0.1634 14.4
efficientnet_b4 8 1 0 19.34 64 0.2545 19.1
efficientnet_b5 8 1 0 30.39 64 0.3980 26.3
efficientnet_b6 8 1 0 43.04 64 0.5666 33.7
efficientnet_b7 8 1 0 66.35 64 0.8706 45.2
efficientnet_v2_l 8 1 0 118.52 64 2.0398 38.9
efficientnet_v2_m 8 1 0 54.14 64 0.8959 22.1
efficientnet_v2_s 8 1 0 21.46 64 0.4744 13.5
googlenet 15 1 0 6.62 64 0.2465 4.0
inception_v3 75 1 0 23.83 75 0.4071 4.3
maxvit_t 224 224 1 30.92 224 11.1161 307.6
mnasnet0_5 8 1 0 2.22 64 0.0194 2.1
mnasnet0_75 8 1 0 3.17 64 0.0375 3.3
mnasnet1_0 8 1 0 4.38 64 0.0537 3.8
mnasnet1_3 8 1 0 6.28 64 0.0883 5.1
mobilenet_v2 8 1 0 3.50 64 0.0515 6.5
mobilenet_v3_large 8 1 0 5.48 64 0.0427 3.8
mobilenet_v3_small 8 1 0 2.54 64 0.0130 1.4
regnet_x_16gf 8 1 0 54.28 64 2.6063 16.7
regnet_x_1_6gf 8 1 0 9.19 64 0.2634 5.2
regnet_x_32gf 8 1 0 107.81 64 5.1860 23.8
regnet_x_3_2gf 8 1 0 15.30 64 0.5205 7.5
regnet_x_400mf 8 1 0 5.50 64 0.0683 2.2
regnet_x_800mf 8 1 0 7.26 64 0.1318 3.4
regnet_x_8gf 8 1 0 39.57 64 1.3089 9.4
regnet_y_128gf 8 1 0 644.81 64 20.9862 54.1
regnet_y_16gf 8 1 0 83.59 64 2.6219 17.1
regnet_y_1_6gf 8 1 0 11.20 64 0.2676 6.1
regnet_y_32gf 8 1 0 145.05 64 5.3041 22.6
regnet_y_3_2gf 8 1 0 19.44 64 0.5261 8.5
regnet_y_400mf 8 1 0 4.34 64 0.0676 2.9
regnet_y_800mf 8 1 0 6.43 64 0.1391 4.0
regnet_y_8gf 8 1 0 39.38 64 1.3964 14.5
resnet101 8 1 0 44.55 64 1.2775 10.8
resnet152 8 1 0 60.19 64 1.8835 15.1
resnet18 8 1 0 11.69 64 0.2971 1.9
resnet34 8 1 0 21.80 64 0.5991 2.7
resnet50 8 1 0 25.56 64 0.6714 7.2
resnext101_32x8d 8 1 0 88.79 64 2.6836 21.0
resnext101_64x4d 8 1 0 83.46 64 2.5279 21.0
resnext50_32x4d 8 1 0 25.03 64 0.6945 9.4
shufflenet_v2_x0_5 8 1 0 1.37 64 0.0085 0.9
shufflenet_v2_x1_0 8 1 0 2.28 64 0.0255 1.7
shufflenet_v2_x1_5 8 1 0 3.50 64 0.0502 2.4
shufflenet_v2_x2_0 8 1 0 7.39 64 0.0990 3.3
squeezenet1_0 21 1 0 1.25 64 0.1079 2.4
squeezenet1_1 17 1 0 1.24 64 0.0432 1.5
swin_b 8 1 0 87.77 64 4.8090 32.1
swin_s 8 1 0 49.61 64 2.7342 24.1
swin_t 8 1 0 28.29 64 1.5433 14.9
swin_v2_b 8 1 0 87.93 64 5.5486 60.5
swin_v2_s 8 1 0 49.74 64 3.1719 46.9
swin_v2_t 8 1 0 28.35 64 1.7181 25.2
vgg11 32 1 0 132.86 64 1.4694 4.2
vgg11_bn 32 1 0 132.87 64 1.4694 6.6
vgg13 32 1 0 133.05 64 2.0734 5.7
vgg13_bn 32 1 0 133.05 64 2.0734 9.8
vgg16 32 1 0 138.36 64 2.7528 6.2
vgg16_bn 32 1 0 138.37 64 2.7528 10.6
vgg19 32 1 0 143.67 64 3.4323 6.6
vgg19_bn 32 1 0 143.68 64 3.4323 11.5
vit_b_16 16 16 1 86.43 64 2.9188 11.6
vit_b_32 32 32 1 88.19 64 0.8707 3.4
vit_h_14 14 14 1 631.75 70 32.8665 78.4
vit_l_16 16 16 1 304.14 64 10.3233 30.7
vit_l_32 32 32 1 306.49 64 3.0496 9.0
wide_resnet101_2 8 1 0 126.89 64 3.7185 14.2
wide_resnet50_2 8 1 0 68.88 64 1.8647 9.4
"""

FACTS: dict[str, Facts] = read_facts(TABLE)
"""Name in torchvision -> what is known of it."""

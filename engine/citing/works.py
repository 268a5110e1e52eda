"""The works that docstrings name as sources, by the words in which they do.

A source is written "Surname 2018", "Surname, Surname 2018" or "Surname 2018b" in the docstring of a
spec; a test fails where the work is not listed here.
"""

from __future__ import annotations

from engine.citing.reference import Reference

_ICML = "International Conference on Machine Learning"
_ICLR = "International Conference on Learning Representations"
_NEURIPS = "Advances in Neural Information Processing Systems"
_CVPR = "IEEE/CVF Conference on Computer Vision and Pattern Recognition"
_ECCV = "European Conference on Computer Vision"

WORKS: dict[str, Reference] = {
    "Adebayo 2018": Reference(
        "Adebayo, Julius and Gilmer, Justin and Muelly, Michael and Goodfellow, Ian and Hardt, "
        "Moritz and Kim, Been",
        "Sanity Checks for Saliency Maps",
        _NEURIPS,
        2018,
    ),
    "Andriushchenko 2020": Reference(
        "Andriushchenko, Maksym and Croce, Francesco and Flammarion, Nicolas and Hein, Matthias",
        "Square Attack: A Query-Efficient Black-Box Adversarial Attack via Random Search",
        _ECCV,
        2020,
    ),
    "Andriushchenko, Flammarion 2020": Reference(
        "Andriushchenko, Maksym and Flammarion, Nicolas",
        "Understanding and Improving Fast Adversarial Training",
        _NEURIPS,
        2020,
    ),
    "Athalye, Carlini, Wagner 2018": Reference(
        "Athalye, Anish and Carlini, Nicholas and Wagner, David",
        "Obfuscated Gradients Give a False Sense of Security: Circumventing Defenses to "
        "Adversarial Examples",
        _ICML,
        2018,
    ),
    "Arras 2022": Reference(
        "Arras, Leila and Osman, Ahmed and Samek, Wojciech",
        "CLEVR-XAI: A Benchmark Dataset for the Ground Truth Evaluation of Neural Network "
        "Explanations",
        "Information Fusion",
        2022,
    ),
    "Bhatt 2020": Reference(
        "Bhatt, Umang and Weller, Adrian and Moura, José M. F.",
        "Evaluating and Aggregating Feature-based Model Explanations",
        "International Joint Conference on Artificial Intelligence",
        2020,
    ),
    "Bhusal 2026": Reference(
        "Bhusal, Dipkamal and Alam, Md Tanvirul and Rastogi, Nidhi",
        "Training for Trustworthy Saliency Maps: Adversarial Training Meets Feature-Map Smoothing",
        "arXiv:2603.07302",
        2026,
    ),
    "Bordt 2023": Reference(
        "Bordt, Sebastian and Upadhyay, Uddeshya and Akata, Zeynep and von Luxburg, Ulrike",
        "The Manifold Hypothesis for Gradient-Based Explanations",
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition Workshops",
        2023,
    ),
    "Carlini 2017": Reference(
        "Carlini, Nicholas and Wagner, David",
        "Towards Evaluating the Robustness of Neural Networks",
        "IEEE Symposium on Security and Privacy",
        2017,
    ),
    "Carlini et al. 2019": Reference(
        "Carlini, Nicholas and Athalye, Anish and Papernot, Nicolas and Brendel, Wieland and "
        "Rauber, Jonas and Tsipras, Dimitris and Goodfellow, Ian and Madry, Aleksander and "
        "Kurakin, Alexey",
        "On Evaluating Adversarial Robustness",
        "arXiv:1902.06705",
        2019,
    ),
    "Chalasani 2020": Reference(
        "Chalasani, Prasad and Chen, Jiefeng and Chowdhury, Amrita Roy and Wu, Xi and Jha, Somesh",
        "Concise Explanations of Neural Networks using Adversarial Training",
        _ICML,
        2020,
    ),
    "Cohen 2019": Reference(
        "Cohen, Jeremy and Rosenfeld, Elan and Kolter, J. Zico",
        "Certified Adversarial Robustness via Randomized Smoothing",
        _ICML,
        2019,
    ),
    "Croce, Hein 2020": Reference(
        "Croce, Francesco and Hein, Matthias",
        "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free "
        "Attacks",
        _ICML,
        2020,
    ),
    "Croce, Hein 2020b": Reference(
        "Croce, Francesco and Hein, Matthias",
        "Minimally Distorted Adversarial Examples with a Fast Adaptive Boundary Attack",
        _ICML,
        2020,
    ),
    "Cubuk 2020": Reference(
        "Cubuk, Ekin D. and Zoph, Barret and Shlens, Jonathon and Le, Quoc V.",
        "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space",
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition Workshops",
        2020,
    ),
    "Erion 2021": Reference(
        "Erion, Gabriel and Janizek, Joseph D. and Sturmfels, Pascal and Lundberg, Scott M. and "
        "Lee, Su-In",
        "Improving Performance of Deep Learning Models with Axiomatic Attribution Priors and "
        "Expected Gradients",
        "Nature Machine Intelligence",
        2021,
    ),
    "Etmann 2019": Reference(
        "Etmann, Christian and Lunz, Sebastian and Maass, Peter and Schönlieb, Carola-Bibiane",
        "On the Connection Between Adversarial Robustness and Saliency Map Interpretability",
        _ICML,
        2019,
    ),
    "Ganz 2023": Reference(
        "Ganz, Roy and Kawar, Bahjat and Elad, Michael",
        "Do Perceptually Aligned Gradients Imply Robustness?",
        _ICML,
        2023,
    ),
    "Goodfellow 2015": Reference(
        "Goodfellow, Ian J. and Shlens, Jonathon and Szegedy, Christian",
        "Explaining and Harnessing Adversarial Examples",
        _ICLR,
        2015,
    ),
    "Gowal 2020": Reference(
        "Gowal, Sven and Qin, Chongli and Uesato, Jonathan and Mann, Timothy and Kohli, Pushmeet",
        "Uncovering the Limits of Adversarial Training against Norm-Bounded Adversarial Examples",
        "arXiv:2010.03593",
        2020,
    ),
    "He 2016": Reference(
        "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
        "Deep Residual Learning for Image Recognition",
        _CVPR,
        2016,
    ),
    "He 2016b": Reference(
        "He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
        "Identity Mappings in Deep Residual Networks",
        _ECCV,
        2016,
    ),
    "Hedström 2024": Reference(
        "Hedström, Anna and Weber, Leander and Lapuschkin, Sebastian and Höhne, Marina",
        "Sanity Checks Revisited: An Exploration to Repair the Model Parameter Randomisation Test",
        "arXiv:2401.06465",
        2024,
    ),
    "Hendrycks, Dietterich 2019": Reference(
        "Hendrycks, Dan and Dietterich, Thomas",
        "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations",
        _ICLR,
        2019,
    ),
    "Hooker 2019": Reference(
        "Hooker, Sara and Erhan, Dumitru and Kindermans, Pieter-Jan and Kim, Been",
        "A Benchmark for Interpretability Methods in Deep Neural Networks",
        _NEURIPS,
        2019,
    ),
    "Hurley, Rickard 2009": Reference(
        "Hurley, Niall and Rickard, Scott",
        "Comparing Measures of Sparsity",
        "IEEE Transactions on Information Theory",
        2009,
    ),
    "Jiang 2021": Reference(
        "Jiang, Peng-Tao and Zhang, Chang-Bin and Hou, Qibin and Cheng, Ming-Ming and Wei, Yunchao",
        "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
        "IEEE Transactions on Image Processing",
        2021,
    ),
    "Jorge 2022": Reference(
        "de Jorge, Pau and Bibi, Adel and Volpi, Riccardo and Sanyal, Amartya and Torr, Philip and "
        "Rogez, Grégory and Dokania, Puneet K.",
        "Make Some Noise: Reliable and Efficient Single-Step Adversarial Training",
        _NEURIPS,
        2022,
    ),
    "Kaur 2019": Reference(
        "Kaur, Simran and Cohen, Jeremy and Lipton, Zachary C.",
        "Are Perceptually-Aligned Gradients a General Property of Robust Classifiers?",
        "arXiv:1910.08640",
        2019,
    ),
    "Kim, Seo, Jeon 2019": Reference(
        "Kim, Beomsu and Seo, Junghoon and Jeon, Taegyun",
        "Bridging Adversarial Robustness and Gradient Interpretability",
        "arXiv:1903.11626",
        2019,
    ),
    "Kingma, Ba 2015": Reference(
        "Kingma, Diederik P. and Ba, Jimmy",
        "Adam: A Method for Stochastic Optimization",
        _ICLR,
        2015,
    ),
    "Larsen 2016": Reference(
        "Larsen, Anders Boesen Lindbo and Sønderby, Søren Kaae and Larochelle, Hugo and Winther, "
        "Ole",
        "Autoencoding beyond Pixels using a Learned Similarity Metric",
        _ICML,
        2016,
    ),
    "Madry 2018": Reference(
        "Madry, Aleksander and Makelov, Aleksandar and Schmidt, Ludwig and Tsipras, Dimitris and "
        "Vladu, Adrian",
        "Towards Deep Learning Models Resistant to Adversarial Attacks",
        _ICLR,
        2018,
    ),
    "Petsiuk 2018": Reference(
        "Petsiuk, Vitali and Das, Abir and Saenko, Kate",
        "RISE: Randomized Input Sampling for Explanation of Black-box Models",
        "British Machine Vision Conference",
        2018,
    ),
    "Rice 2020": Reference(
        "Rice, Leslie and Wong, Eric and Kolter, J. Zico",
        "Overfitting in Adversarially Robust Deep Learning",
        _ICML,
        2020,
    ),
    "Rodriguez-Munoz 2024": Reference(
        "Rodríguez-Muñoz, Adrián and Wang, Tongzhou and Torralba, Antonio",
        "Characterizing Model Robustness via Natural Input Gradients",
        _ECCV,
        2024,
    ),
    "Rong 2022": Reference(
        "Rong, Yao and Leemann, Tobias and Borisov, Vadim and Kasneci, Gjergji and Kasneci, "
        "Enkelejda",
        "A Consistent and Efficient Evaluation Strategy for Attribution Methods",
        _ICML,
        2022,
    ),
    "Ross, Doshi-Velez 2018": Reference(
        "Ross, Andrew Slavin and Doshi-Velez, Finale",
        "Improving the Adversarial Robustness and Interpretability of Deep Neural Networks by "
        "Regularizing Their Input Gradients",
        "AAAI Conference on Artificial Intelligence",
        2018,
    ),
    "Selvaraju 2017": Reference(
        "Selvaraju, Ramprasaath R. and Cogswell, Michael and Das, Abhishek and Vedantam, "
        "Ramakrishna and Parikh, Devi and Batra, Dhruv",
        "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
        "IEEE International Conference on Computer Vision",
        2017,
    ),
    "Shafahi 2019": Reference(
        "Shafahi, Ali and Najibi, Mahyar and Ghiasi, Amin and Xu, Zheng and Dickerson, John and "
        "Studer, Christoph and Davis, Larry S. and Taylor, Gavin and Goldstein, Tom",
        "Adversarial Training for Free!",
        _NEURIPS,
        2019,
    ),
    "Shrikumar 2017": Reference(
        "Shrikumar, Avanti and Greenside, Peyton and Kundaje, Anshul",
        "Learning Important Features Through Propagating Activation Differences",
        _ICML,
        2017,
    ),
    "Simonyan 2014": Reference(
        "Simonyan, Karen and Vedaldi, Andrea and Zisserman, Andrew",
        "Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency "
        "Maps",
        "arXiv:1312.6034",
        2014,
    ),
    "Smilkov 2017": Reference(
        "Smilkov, Daniel and Thorat, Nikhil and Kim, Been and Viégas, Fernanda and Wattenberg, "
        "Martin",
        "SmoothGrad: Removing Noise by Adding Noise",
        "arXiv:1706.03825",
        2017,
    ),
    "Springenberg 2015": Reference(
        "Springenberg, Jost Tobias and Dosovitskiy, Alexey and Brox, Thomas and Riedmiller, Martin",
        "Striving for Simplicity: The All Convolutional Net",
        "arXiv:1412.6806",
        2015,
    ),
    "Srinivas 2023": Reference(
        "Srinivas, Suraj and Bordt, Sebastian and Lakkaraju, Himabindu",
        "Which Models have Perceptually-Aligned Gradients? An Explanation via Off-Manifold "
        "Robustness",
        _NEURIPS,
        2023,
    ),
    "Sundararajan, Taly, Yan 2017": Reference(
        "Sundararajan, Mukund and Taly, Ankur and Yan, Qiqi",
        "Axiomatic Attribution for Deep Networks",
        _ICML,
        2017,
    ),
    "Wang 2020": Reference(
        "Wang, Yisen and Zou, Difan and Yi, Jinfeng and Bailey, James and Ma, Xingjun and Gu, "
        "Quanquan",
        "Improving Adversarial Robustness Requires Revisiting Misclassified Examples",
        _ICLR,
        2020,
    ),
    "Wong 2020": Reference(
        "Wong, Eric and Rice, Leslie and Kolter, J. Zico",
        "Fast is Better than Free: Revisiting Adversarial Training",
        _ICLR,
        2020,
    ),
    "Wu, Xia, Wang 2020": Reference(
        "Wu, Dongxian and Xia, Shu-Tao and Wang, Yisen",
        "Adversarial Weight Perturbation Helps Robust Generalization",
        _NEURIPS,
        2020,
    ),
    "Yeh 2019": Reference(
        "Yeh, Chih-Kuan and Hsieh, Cheng-Yu and Suggala, Arun and Inouye, David I. and Ravikumar, "
        "Pradeep",
        "On the (In)fidelity and Sensitivity of Explanations",
        _NEURIPS,
        2019,
    ),
    "Zagoruyko 2016": Reference(
        "Zagoruyko, Sergey and Komodakis, Nikos",
        "Wide Residual Networks",
        "British Machine Vision Conference",
        2016,
    ),
    "Zeiler, Fergus 2014": Reference(
        "Zeiler, Matthew D. and Fergus, Rob",
        "Visualizing and Understanding Convolutional Networks",
        _ECCV,
        2014,
    ),
    "Zhang 2019": Reference(
        "Zhang, Hongyang and Yu, Yaodong and Jiao, Jiantao and Xing, Eric P. and El Ghaoui, "
        "Laurent and Jordan, Michael I.",
        "Theoretically Principled Trade-off between Robustness and Accuracy",
        _ICML,
        2019,
    ),
    "Zheng 2025": Reference(
        "Zheng, Xu and Shirani, Farhad and Chen, Zhuomin and Lin, Chaohao and Cheng, Wei and Guo, "
        "Wenbo and Luo, Dongsheng",
        "F-Fidelity: A Robust Framework for Faithfulness Evaluation of Explainable AI",
        _ICLR,
        2025,
    ),
}

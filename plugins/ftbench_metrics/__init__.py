"""Image quality against a reference: PSNR and SSIM as scikit-image defines them."""

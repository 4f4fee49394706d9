"""The paper's parts: U-Net image encoder, convolutional image decoder, faceswap simulator."""

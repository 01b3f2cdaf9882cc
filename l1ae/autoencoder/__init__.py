"""QKeras autoencoders: scaling, architectures, objectives, training. The room that imports TensorFlow."""

"""Cross-entropy against labels that may be smoothed or mixed."""

import tensorflow as tf

AUXILIARY_WEIGHT = 0.3
"""Of the loss of an auxiliary head beside that of the network's own logits (Szegedy et al. 2015, section 5)."""


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Per example, (n,), against labels (n,) smoothed as in Szegedy et al. 2016, section 7; logits are (n, classes)."""
    if not smoothing:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    num_classes = logits.shape[-1]
    targets = tf.one_hot(labels, num_classes) * (1 - smoothing) + smoothing / num_classes
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def mixed_cross_entropy(
    logits: tf.Tensor, labels: tf.Tensor, partners: tf.Tensor, share: tf.Tensor, smoothing: float
) -> tf.Tensor:
    """Per example, (n,), against `share` (n,) of the label and 1 - `share` of the partner's.

    Cross-entropy is linear in its target, so mixing the losses is mixing the labels (Zhang et al. 2018, section 3).
    """
    own = cross_entropy(logits, labels, smoothing)
    return share * own + (1 - share) * cross_entropy(logits, partners, smoothing)


def num_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """How many examples have their highest logit at their label, as float32."""
    right = tf.equal(tf.argmax(logits, axis=-1, output_type=labels.dtype), labels)
    return tf.reduce_sum(tf.cast(right, tf.float32))

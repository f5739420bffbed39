//! Cross-entropy, as PyTorch's `CrossEntropyLoss` has it.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

/// Mean over the batch. `logits` and `targets` are `[batch, classes]`; each row of `targets` is 1 at the label. A product with the
/// targets instead of a gather: its gradient is a product too, not a scatter.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let [n_images, _] = targets.dims();
    (log_softmax(logits, 1) * targets).sum() * (-1.0 / n_images as f64)
}
